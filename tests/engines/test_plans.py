"""Plans: built by TensorRT-RTX itself (which needs no GPU for that), found, and never trusted where they do not fit."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from fake_tensorrt import HostBuffers

from lfvideo_sr import __version__
from lfvideo_sr.engine import Precision
from lfvideo_sr.engines import plans
from lfvideo_sr.engines.cache import clean, plan_path, write_whole
from lfvideo_sr.engines.graphs import VERBS, paths, read_about
from lfvideo_sr.engines.plans import Library, Plan, Shapes, build_plan, find_plans, read_plan, usable
from lfvideo_sr.engines.tensorrt_engine import TensorRTEngine
from lfvideo_sr.errors import EngineError, UsageError
from lfvideo_sr.frames import Size

SHAPES = Shapes.of_text("16x16:32x32:64x48")
GPU = "Some GPU"


@pytest.fixture(scope="module")
def rtx() -> Library:
    return Library(pytest.importorskip("tensorrt_rtx", reason="pip install tensorrt-rtx"))


def fingerprint(folder) -> str:
    return read_about(folder).weights


@pytest.mark.parametrize("verb", VERBS)
def test_tensorrt_rtx_builds_every_graph(rtx, graphs, verb):
    path = paths(graphs)[verb]
    assert len(rtx.build(path, read_about(graphs), SHAPES)) > 10_000


def test_the_real_runtime_refuses_in_one_line(rtx, graphs, capfd):
    """What is no plan, and without a GPU any."""
    plans = {verb: Plan(verb, read_about(graphs), rtx.builder, GPU, SHAPES, b"?" * 100) for verb in VERBS}
    with pytest.raises(
        EngineError, match=r"the plan of encode is refused by tensorrt_rtx.* \(.{20,}\); build it again$"
    ):
        TensorRTEngine(plans, rtx, HostBuffers())
    assert "".join(capfd.readouterr()) == ""


def test_what_the_parser_says_becomes_one_line(rtx, graphs, tmp_path):
    broken = tmp_path / "match.onnx"
    broken.write_bytes(paths(graphs)["match"].read_bytes()[:5000])
    with pytest.raises(EngineError, match="is refused by tensorrt_rtx"):
        rtx.build(broken, read_about(graphs), SHAPES)


def test_a_profile_follows_the_sizes(graphs):
    ranges = SHAPES.profile(read_about(graphs), "restore")
    assert ranges["frame"] == ((1, 3, 16, 16), (1, 3, 32, 32), (1, 3, 48, 64))
    assert ranges["detail.1"] == ((1, 3, 64, 64), (1, 3, 128, 128), (1, 3, 192, 256))
    assert ranges["positions.0"] == ((1, 32, 32, 2), (1, 64, 64, 2), (1, 96, 128, 2))


def test_sides_that_follow_only_about_get_slack(graphs):
    about = replace(read_about(graphs), inputs={"match": {"matching@1": [1, 8, "~0.8*r", "~0.8*q"]}})
    assert SHAPES.profile(about, "match")["matching@1"] == ((1, 8, 9, 9), (1, 8, 26, 26), (1, 8, 42, 55))


@pytest.mark.parametrize("text", ["64", "64x64:32x32", "64x64:32x32:128x128", "64x64:0x4:9x9", "axb:1x1:2x2"])
def test_shapes_that_are_none(text):
    with pytest.raises(UsageError, match="MIN:OPT:MAX"):
        Shapes.of_text(text)


class Quick:
    """Builds at once, for tests of what becomes of plans."""

    builder = "tensorrt-99.1"

    def __init__(self, content: bytes = b"a plan"):
        self.content, self.built = content, 0

    def build(self, graph, about, shapes) -> bytes:
        self.built += 1
        return self.content


def build_all(folder, library=None, shapes=SHAPES, gpu=GPU) -> list:
    about = read_about(folder)
    return [build_plan(path, about, shapes, library or Quick(), gpu) for path in paths(folder).values()]


def usable_plans(folder, *, weights=None, precision=Precision.FP32, builder=Quick.builder, gpu=GPU, size=None):
    return find_plans(folder, weights or fingerprint(folder), precision, builder, gpu, size)


def test_plans_are_found_by_what_they_say(own_cache):
    build_all(own_cache)
    assert set(usable_plans(own_cache)) == set(VERBS)
    assert set(usable_plans(own_cache, size=Size(64, 48))) == set(VERBS)
    assert usable_plans(own_cache)["match"].content == b"a plan"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"builder": "tensorrt-99.2"}, "built by tensorrt-99.1, this is tensorrt-99.2"),
        ({"gpu": "Other GPU"}, "built for Some GPU, this is Other GPU"),
        ({"size": Size(65, 48)}, "built for 16x16:32x32:64x48, frames are 65x48"),
        ({"size": Size(20, 8)}, "frames are 20x8"),
        ({"weights": "abc"}, "needed are abc"),
        ({"precision": Precision.FP16}, "in fp32, needed is fp16"),
    ],
)
def test_a_plan_that_does_not_fit_is_not_used(own_cache, options, reason):
    build_all(own_cache)
    with pytest.raises(EngineError, match=reason) as error:
        usable_plans(own_cache, **options)
    assert "engine build" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b[:40], lambda b: b"", lambda b: b[:-1] + b"?"])
def test_a_spoilt_plan_is_not_used(own_cache, spoil):
    path = build_all(own_cache)[1]
    path.write_bytes(spoil(path.read_bytes()))
    assert not usable(path, fingerprint(own_cache), Precision.FP32, Quick.builder, GPU)
    with pytest.raises(EngineError, match="is no whole plan"):
        usable_plans(own_cache)


def test_a_plan_that_cannot_be_read_is_not_used(own_cache):
    path = build_all(own_cache)[1]
    path.unlink()
    path.mkdir()
    assert not usable(path, fingerprint(own_cache), Precision.FP32, Quick.builder, GPU)
    with pytest.raises(EngineError, match=r"is no whole plan \(Is a directory\)"):
        usable_plans(own_cache)


def test_a_plan_of_another_version_of_this_program_is_not_used(own_cache, monkeypatch):
    build_all(own_cache)
    monkeypatch.setattr("lfvideo_sr.engines.graphs.__version__", "9.9")
    with pytest.raises(EngineError, match=f"made by version {__version__}, this is 9.9"):
        usable_plans(own_cache)


def test_of_several_plans_the_one_that_is_best_near_the_frames_size_is_used(own_cache):
    """Whatever the order of their names."""
    texts = ("128x128:800x600:960x960", "16x16:64x64:960x960", "400x260:480x270:480x300", "64x64:500x280:960x540")
    for text in texts:
        build_all(own_cache, shapes=Shapes.of_text(text))
    nearest = {Size(480, 300): 2, Size(320, 180): 3, Size(80, 70): 1, Size(900, 700): 0}
    for size, number in nearest.items():
        assert str(usable_plans(own_cache, size=size)["match"].shapes) == texts[number], size
    assert str(usable_plans(own_cache)["match"].shapes) == texts[1], "the widest range, for frames of unknown size"


def test_no_plans_at_all(own_cache):
    with pytest.raises(EngineError, match="none is built"):
        usable_plans(own_cache)


def test_a_plans_name_follows_all_it_depends_on(own_cache):
    graph = paths(own_cache)["match"]
    first = plan_path(graph, "tensorrt-1", GPU, str(SHAPES))
    others = {
        plan_path(graph, "tensorrt-2", GPU, str(SHAPES)),
        plan_path(graph, "tensorrt-1", "Other GPU", str(SHAPES)),
        plan_path(graph, "tensorrt-1", GPU, "1x1:2x2:3x3"),
        plan_path(paths(own_cache)["encode"], "tensorrt-1", GPU, str(SHAPES)),
    }
    graph.write_bytes(graph.read_bytes() + b"\0")
    others.add(plan_path(graph, "tensorrt-1", GPU, str(SHAPES)))
    assert len(others) == 5 and first not in others
    assert not set(first.name) & set(' :/\\"')


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    target = tmp_path / "one.plan"
    write_whole(target, b"before")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(EngineError, match="No space left"):
        write_whole(target, b"after")
    assert target.read_bytes() == b"before" and list(tmp_path.iterdir()) == [target]


def test_a_build_that_fails_leaves_no_plan(own_cache):
    class Failing(Quick):
        def build(self, graph, about, shapes) -> bytes:
            raise EngineError("builds no plan")

    with pytest.raises(EngineError):
        build_all(own_cache, Failing())
    assert list(own_cache.glob("*.plan*")) == []


def test_the_full_library_goes_before_rtx(monkeypatch):
    there = {"tensorrt": SimpleNamespace(Builder=1, __name__="tensorrt", __version__="11"), "tensorrt_rtx": None}
    monkeypatch.setattr(plans, "import_module", lambda name: there[name])
    assert plans.tensorrt_library().builder == "tensorrt-11"
    there |= {
        "tensorrt": SimpleNamespace(__name__="tensorrt"),
        "tensorrt_rtx": SimpleNamespace(Builder=1, __name__="tensorrt_rtx", __version__="1.7"),
    }
    assert plans.tensorrt_library().builder == "tensorrt_rtx-1.7"  # what is called tensorrt holds no libraries
    there["tensorrt_rtx"] = SimpleNamespace()
    with pytest.raises(EngineError, match="not installed"):
        plans.tensorrt_library()


def test_clean_leaves_what_is_not_ours(own_cache):
    build_all(own_cache)
    strange = own_cache.parent / "photos"
    strange.mkdir()
    (strange / "one.png").write_bytes(b"1")
    (own_cache.parent / "yolo").mkdir()
    (own_cache.parent / "yolo" / "best.onnx").write_bytes(b"somebody's")
    (own_cache.parent / "empty").mkdir()
    (own_cache / "notes.txt").write_text("mine")
    assert clean() > 1e6
    assert {path.name for path in own_cache.parent.iterdir()} == {"photos", "yolo", "empty", own_cache.name}
    assert (own_cache.parent / "yolo" / "best.onnx").exists()
    assert [path.name for path in own_cache.iterdir()] == ["notes.txt"]


def test_a_read_plan_says_where_it_belongs(own_cache):
    plan = read_plan(build_all(own_cache)[0])
    assert (plan.verb, plan.builder, plan.gpu, plan.shapes) == ("encode", Quick.builder, GPU, SHAPES)
