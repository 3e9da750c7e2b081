"""Plans for the stand-in for TensorRT, made of the graphs of a folder."""

import fake_tensorrt

from lfvideo_sr.engines.graphs import paths, read_about
from lfvideo_sr.engines.plans import Library, Plan, Shapes, build_plan

SHAPES = Shapes.of_text("16x16:48x32:64x48")


def plans(graphs) -> dict[str, Plan]:
    about = read_about(graphs)
    contents = {
        verb: fake_tensorrt.plan_of(path.read_bytes(), SHAPES.profile(about, verb))
        for verb, path in paths(graphs).items()
    }
    return {verb: Plan(verb, about, "fake-1", "Fake GPU", SHAPES, content) for verb, content in contents.items()}


class Fake(Library):
    """The stand-in with a builder."""

    builder = "fake-1"

    def build(self, graph, about, shapes) -> bytes:
        return fake_tensorrt.plan_of(graph.read_bytes(), shapes.profile(about, graph.stem))


def build_plans(folder, shapes: Shapes = SHAPES) -> None:
    for path in paths(folder).values():
        build_plan(path, read_about(folder), shapes, Fake(fake_tensorrt), "Fake GPU")
