"""Numbers that must not change unnoticed: small networks' outputs and trainers' first losses, kept in tests/golden.

`python tests/golden_files.py` writes all of them anew; read the difference before it is committed.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

FOLDER = Path(__file__).parent / "golden"
Numbers = dict[str, list[float]]


def read(name: str) -> Numbers:
    return json.loads((FOLDER / f"{name}.json").read_text())


def write(name: str, numbers: Numbers) -> None:
    FOLDER.mkdir(exist_ok=True)
    rows = [f'"{key}": [{", ".join(f"{value:.7g}" for value in values)}]' for key, values in numbers.items()]
    (FOLDER / f"{name}.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")


@torch.no_grad()
def forward(method: str) -> Numbers:
    """What a small network makes of a fixed frame and two references, one of another size."""
    from small_networks import low, matched, picture, small_network

    network, sharp = small_network(method), picture(32, 48, seed=1)
    frame = low(sharp)
    matches = [matched(network, frame, reference) for reference in (sharp.roll(8, 3), picture(40, 36, seed=2))]
    restored = network.restorer(frame, matches)
    return {
        "positions": matches[0].positions[:, ::3, ::3].flatten().tolist(),
        "relevance": matches[1].relevance[:, ::3, ::3].flatten().tolist(),
        "restored": restored[:, :, ::5, ::7].flatten().tolist(),
        "without": network.restorer(frame, [])[:, :, ::9, ::9].flatten().tolist(),
        "content": [float(matches[0].features[key].abs().mean()) for key in sorted(matches[0].features)],
    }


def losses(name: str) -> Numbers:
    """Every loss of a trainer's first five steps on rendered pictures."""
    from small_runs import RUNS, course

    with tempfile.TemporaryDirectory() as folder:
        rows = course(RUNS[name](Path(folder)))
    names = [key for key, value in rows[0].items() if value and key not in ("step", "seconds")]
    return {key: [float(row[key]) for row in rows] for key in names}


METHODS = ("c2_matching", "rrsr", "amsa", "e2ent2", "refsr_net")
CURVES = (
    "features", "teacher", "student", "c2_matching", "rrsr", "amsa", "gan", "ccnet", "sisr", "ssnet", "ssnet_at_once",
    "e2ent2",
)  # fmt: skip
CASES: dict[str, Callable[[], Numbers]] = {
    **{f"forward_{name}": lambda name=name: forward(name) for name in METHODS},
    **{f"losses_{name}": lambda name=name: losses(name) for name in CURVES},
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in sys.argv[1:] or CASES:
        write(case, CASES[case]())
        print(FOLDER / f"{case}.json")
