"""`lfvideo-sr evaluate` on tiny data sets: what methods are given, what is printed, what a failure does."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_clips import engine_of, rendered
from typer.testing import CliRunner

from lfvideo_sr import cli
from lfvideo_sr.datasets import VARIABLE, open_dataset
from lfvideo_sr.evaluate import Evaluation, Row, Totals, restore, totals
from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.media.reductions import matlab_degrade
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.methods import METHODS
from lfvideo_sr.metrics import eight_bit, psnr_y, ssim_y
from lfvideo_sr.protocols import PROTOCOLS, prepare

SIZE = Size(130, 98)


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two CUFED5 scenes: each picture is a moment of a rendered scene, its references are later ones."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "CUFED5").mkdir()
    for scene in range(2):
        for level, pixels in enumerate(rendered(0, 6, seed=20 + scene, size=SIZE)):
            write_png(folder / "CUFED5" / f"{scene:03}_{level}.png", pixels)
    return folder


def invoke(*arguments: object):
    return CliRunner().invoke(cli.app, ["evaluate", *map(str, arguments)])


def printed(*arguments: object) -> dict:
    done = invoke(*arguments, "--json", "--device", "cpu", "--dtype", "fp32")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_bicubic_is_what_bicubic_is_by_hand(data):
    printed_result = printed("--method", "bicubic", "--dataset", "cufed5", "--data", data)
    (result,) = printed_result["results"]
    assert printed_result["dataset"]["pictures"] == 2 and printed_result["dataset"]["whole"] == 126
    assert printed_result["protocol"]["name"] == "c2" and printed_result["references"] == "best"
    for row in result["rows"]:
        truth = read_image(data / "CUFED5" / f"{row['item']}_0.png")[:, :96, :128]
        enlarged = eight_bit(bicubic(degrade(truth), Size(128, 96)))
        assert row["psnr"] == row["bicubic_psnr"] == pytest.approx(psnr_y(enlarged, truth), abs=1e-4)
        assert row["ssim"] == pytest.approx(ssim_y(enlarged, truth), abs=1e-4)
        assert row["references"] == 0 and row["error"] is None and row["seconds"] >= 0
    assert result["totals"]["psnr"] == pytest.approx(np.mean([row["psnr"] for row in result["rows"]]), abs=1e-4)
    assert result["totals"]["count"] == 2 and result["totals"]["failed"] == 0 and result["status"] == "done"
    quoted = result["published"]
    assert quoted["quoted"] and quoted["psnr"] == 22.64 and quoted["protocol"] == "e2ent2"
    assert quoted["psnr_delta"] is None  # measured by another protocol


def test_references_help_and_less_similar_ones_less(data):
    means = {}
    for refs in ("none", "best", "L4"):
        (result,) = printed("--method", "flow_transfer", "--dataset", "cufed5", "--data", data, "--refs", refs)[
            "results"
        ]
        means[refs] = result["totals"]["psnr"]
        assert {row["references"] for row in result["rows"]} == {0 if refs == "none" else 1}
    assert means["best"] > means["none"] + 1 and means["best"] > means["L4"]


def test_results_are_saved_as_they_are_scored(data, tmp_path):
    arguments = ("--method", "flow_transfer", "--dataset", "cufed5", "--data", data, "--limit", 1, "--save", tmp_path)
    (row,) = printed(*arguments)["results"][0]["rows"]
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")] == ["flow_transfer/000.png"]
    truth = read_image(data / "CUFED5" / "000_0.png")[:, :96, :128]
    assert psnr_y(read_image(tmp_path / "flow_transfer" / "000.png"), truth) == pytest.approx(row["psnr"], abs=1e-4)


class Spy:
    """An engine that notes the sizes of the references it encodes."""

    def __init__(self, engine):
        self._engine, self.info, self.sizes, self.pixels = engine, engine.info, [], []

    def encode(self, reference):
        pixels = reference.load()
        self.sizes.append((pixels.shape[2], pixels.shape[1]))
        self.pixels.append(pixels)
        return self._engine.encode(reference)

    def __getattr__(self, name):
        return getattr(self._engine, name)


@pytest.mark.parametrize(
    ("protocol", "refs", "sizes"),
    [
        ("c2", None, [SIZE]),
        ("c2", "all", [SIZE, SIZE]),  # flow_transfer fuses two
        ("c2", "none", []),
        ("amsa", None, [SIZE]),
        ("e2ent2", None, [SIZE]),
        ("rrsr", None, [(2500, 500)]),
        ("ttsr", None, [SIZE]),
        ("masa", None, [(512, 2560)]),
        ("masa", "L2", [SIZE]),
    ],
)
def test_a_method_is_given_what_the_protocol_says(protocol, refs, sizes, data):
    spy = Spy(engine_of("flow_transfer"))
    evaluation = Evaluation.of(open_dataset("cufed5", data), protocol, refs, limit=1)
    ((row, picture),) = evaluation.rows(spy)
    assert row.error is None and spy.sizes == sizes
    assert picture.shape == {"amsa": (3, 96, 128), "masa": (3, 98, 130)}.get(protocol, (3, 96, 128))


def test_levels_are_the_files_they_name(data):
    for level in range(1, 6):
        spy = Spy(engine_of("flow_transfer"))
        list(Evaluation.of(open_dataset("cufed5", data), "c2", f"L{level}", limit=1).rows(spy))
        assert np.array_equal(spy.pixels[0], read_image(data / "CUFED5" / f"000_{level}.png"))


def test_without_references_the_low_resolution_picture_itself_stands_in(tmp_path):
    folder = tmp_path / "Urban100"
    folder.mkdir()
    write_png(folder / "img_001.png", rendered(0, 1, seed=5, size=SIZE)[0])
    dataset = open_dataset("urban100", tmp_path)
    for protocol in ("c2", "rrsr"):
        spy = Spy(engine_of("flow_transfer"))
        ((row, _),) = Evaluation.of(dataset, protocol).rows(spy)
        prepared = prepare(dataset.items[0].picture(), PROTOCOLS[protocol])
        assert row.references == 1 and np.array_equal(spy.pixels[0], prepared.low)
    ((row, _),) = Evaluation.of(dataset, "c2", "L2").rows(engine_of("flow_transfer"))
    assert "has 1 references and L2 is wanted" in row.error
    ((row, _),) = Evaluation.of(open_dataset(str(folder)), "c2").rows(engine_of("flow_transfer"))
    assert row.references == 0 and row.error is None  # a plain folder has none


def test_a_worthless_reference_is_dropped(data):
    class Picky(Spy):
        def match(self, frame, reference, previous):
            field = self._engine.match(frame, reference, previous)
            return type(field)(field.positions, field.relevance * 0, field.stride, field.reference_size)

    engine = Picky(engine_of("flow_transfer"))
    engine.info = type(engine.info)(**{**vars(engine.info), "worthless_below": 0.1})
    low = degrade(read_image(data / "CUFED5" / "000_0.png")[:, :96, :128])
    restored, used = restore(engine, low, "one", [read_image(data / "CUFED5" / "000_1.png")])
    assert used == 0 and np.array_equal(restored, restore(engine_of("flow_transfer"), low, "one", [])[0])


def test_a_broken_picture_is_a_row(data, tmp_path):
    copy = tmp_path / "CUFED5"
    copy.mkdir()
    for path in (data / "CUFED5").iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "000_0.png").write_bytes(b"no picture")
    (result,) = printed("--method", "bicubic", "--dataset", "cufed5", "--data", tmp_path)["results"]
    broken, good = result["rows"]
    assert "000_0.png is no picture" in broken["error"] and broken["psnr"] is None
    assert good["error"] is None and result["totals"]["psnr"] == good["psnr"]
    assert result["totals"]["count"] == result["totals"]["failed"] == 1 and result["status"] == "done"
    (copy / "001_1.png").unlink()
    done = invoke("--method", "flow_transfer", "--dataset", "cufed5", "--data", tmp_path)
    assert done.exit_code and "failed" in done.stdout and "nothing could be evaluated" in str(done.exception)


def test_whatever_goes_wrong_in_an_engine_is_a_row(data):
    class Failing(Spy):
        def restore(self, frame, matches, last=None):
            raise MemoryError

    rows = [row for row, _ in Evaluation.of(open_dataset("cufed5", data), "c2").rows(Failing(engine_of("bicubic")))]
    assert [row.error for row in rows] == ["MemoryError"] * 2


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--dataset", "sun80"), 3, "Sun80/input/NAME.jpg"),
        (("--dataset", "cufed"), 2, "did you mean 'cufed5'"),
        (("--dataset", "cufed5", "--protocol", "ttrs"), 2, "did you mean 'ttsr'"),
        (("--dataset", "cufed5", "--refs", "L6"), 2, "--refs"),
        (("--dataset", "cufed5", "--limit", "0"), 2, "--limit"),
        (("--dataset", "cufed5", "--method", "bicubik"), 2, "did you mean 'bicubic'"),
        (("--dataset", "cufed5", "--method", "all", "--weights", "x"), 2, "--weights belong to one method"),
        (("--dataset", "cufed5", "--method", "stream_ref", "--weights", "nowhere"), 3, "no weights named 'nowhere'"),
        (("--dataset", "cufed5", "--save", "/proc/nowhere"), 3, "--save"),
        ((), 2, "--dataset"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(options, code, message, data, run):
    method = () if "--method" in options else ("--method", "bicubic")
    outcome = run("evaluate", *options, *method, "--data", data)
    assert outcome.code == code and message in outcome.err and len(outcome.err.splitlines()) <= 1


def test_absent_weights_are_a_row(data):
    done = invoke("--method", "stream_ref", "--weights", "nowhere", "--dataset", "cufed5", "--data", data)
    assert "not run: weights absent (no weights named 'nowhere'" in done.stdout
    done = invoke("--method", "stream_ref", "--weights", "nowhere", "--dataset", "cufed5", "--data", data, "--json")
    (result,) = json.loads(done.stdout)["results"]
    assert result["status"] == "not run: weights absent" and result["rows"] == [] and result["totals"] is None


def test_all_methods_in_one_table(data):
    printed_result = printed("--method", "all", "--dataset", "cufed5", "--data", data, "--limit", 1)
    assert [result["method"] for result in printed_result["results"]] == list(METHODS)
    assert printed_result["results"][list(METHODS).index("bicubic")]["status"] == "done"


def test_what_people_see(data):
    done = invoke("--method", "flow_transfer", "--dataset", "cufed5", "--data", data, "--protocol", "e2ent2")
    assert done.exit_code == 0
    for part in ("cufed5: 2 of 126 pictures", "e2ent2: 8-bit bicubic x4", "neither plane nor border", "mean of 2"):
        assert part in done.stdout
    done = invoke("--method", "bicubic", "--dataset", "cufed5", "--data", data, "--protocol", "e2ent2")
    assert "quoted      22.64 / 0.646, E2ENT2, Table 1: ours " in done.stdout
    assert "same protocol; ours over 2 of 126 pictures" in done.stdout
    done = invoke("--method", "bicubic", "--dataset", "cufed5", "--data", data)
    assert "by protocol e2ent2, not to be set beside this" in done.stdout


def test_matlabs_reduction_is_named_and_no_figure_is_set_beside_it(data):
    words = ("--method", "bicubic", "--dataset", "cufed5", "--data", data, "--protocol", "e2ent2")
    done = invoke(*words, "--reduction", "matlab")
    assert "e2ent2: 8-bit bicubic x4 as MATLAB's imresize has it; cropped" in done.stdout
    assert "of pictures that Pillow reduced, not to be set beside this" in done.stdout
    (result,) = printed(*words, "--reduction", "matlab")["results"]
    truth = read_image(data / "CUFED5" / "000_0.png")[:, :96, :128]
    enlarged = eight_bit(bicubic(matlab_degrade(truth), Size(128, 96)))
    assert result["rows"][0]["psnr"] == pytest.approx(psnr_y(enlarged, truth, 4), abs=1e-4)


def test_a_benchmarks_own_small_pictures_are_restored(data, tmp_path):
    for number in range(2):
        picture = read_image(data / "CUFED5" / f"00{number}_0.png")
        small = degrade(picture[:, :96, :128]) / 2  # not what would be made of it here
        for name, pixels in ((f"HR/img{number}", picture), (f"LR_bicubic/X4/img{number}x4", small)):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            write_png(tmp_path / f"{name}.png", pixels)
    printed_result = printed("--method", "bicubic", "--dataset", tmp_path)
    assert "low-resolution pictures of the data set's own" in printed_result["protocol"]["rule"]
    row = printed_result["results"][0]["rows"][1]
    low = read_image(tmp_path / "LR_bicubic" / "X4" / "img1x4.png")
    by_hand = psnr_y(eight_bit(bicubic(low, Size(128, 96))), eight_bit(picture[:, :96, :128]), 4)
    assert row["item"] == "img1" and row["psnr"] == pytest.approx(by_hand, abs=1e-4)


def test_a_method_of_another_scale_is_a_row_that_says_so(data):
    evaluation = Evaluation.of(open_dataset("cufed5", data), "c2", scale=2)
    rows = [row for row, _ in evaluation.rows(engine_of("bicubic"))]
    assert {row.error for row in rows} == {"bicubic is of scale 4, not 2; measure it alone"}


def test_deltas_are_ours_minus_theirs(data):
    evaluation = Evaluation.of(open_dataset("cufed5", data), "c2")
    info = type(engine_of("bicubic").info)("c2_matching", "", references=1)
    whole = evaluation.compare(info, Totals(126, 0, 28.0, 0.8, 25.0, 1.0))
    assert (whole.psnr_delta, whole.ssim_delta) == pytest.approx((-0.24, -0.041)) and whole.caveat == ""
    other = Evaluation.of(open_dataset("cufed5", data), "rrsr").compare(info, Totals(126, 0, 28.0, 0.8, 25.0, 1.0))
    assert other is None  # nobody reports C2-Matching with five references


def test_means_leave_out_what_has_no_psnr():
    rows = [Row("a", 30.0, 0.9, 25.0, 1.0), Row("b", math.inf, 1.0, math.inf, 3.0), Row("c", error="broken")]
    assert totals(rows) == Totals(2, 1, 30.0, 0.95, 25.0, 2.0)
    assert math.isnan(totals(rows[2:]).psnr)


def test_black_pictures_are_equal_and_valid_json(tmp_path):
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((32, 32, 3), np.uint8))
    (result,) = printed("--method", "bicubic", "--dataset", tmp_path)["results"]
    assert result["rows"][0]["psnr"] is None and result["rows"][0]["ssim"] == 1 and result["totals"]["psnr"] is None
