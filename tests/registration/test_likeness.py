"""What a match fetches from a reference, beside the frame: the same scene, another one, and methods that drop it."""

import json

import numpy as np
import pytest
from command_line import report_of
from small_clips import rendered, write_clip

from lfvideo_sr.choose import make_engine
from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.frames import Size, size_of
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.methods import METHODS
from lfvideo_sr.methods.c2_matching import UNLIKE
from lfvideo_sr.picture import match_references
from lfvideo_sr.references.pictures import picture_references
from lfvideo_sr.registration.likeness import likeness, reduced_luma

SIZE = Size(128, 96)
PAPERS = ("c2_matching", "rrsr", "amsa", "e2ent2", "refsr_net")


def unmoved(reference, stride=4, fields=1):
    """A field from every place to itself."""
    width, height = SIZE.width // stride, SIZE.height // stride
    x, y = (np.arange(side, dtype=np.float32) * stride + (stride - 1) / 2 for side in (width, height))
    positions = np.stack(np.meshgrid(x, y), -1)[None].repeat(fields, 0)
    return Correspondence(positions, np.ones(positions.shape[:3], np.float32), stride, size_of(reference))


@pytest.fixture(scope="module")
def scenes():
    """A picture, the same a moment later, and one of another scene."""
    first, later = rendered(0, 2, seed=3, size=SIZE)
    return first, later, rendered(0, 1, seed=11, size=SIZE)[0]


@pytest.mark.parametrize("stride", [2, 4])
def test_the_same_scene_is_alike_and_another_is_not(scenes, stride):
    """Whatever the exposure, and of a field finer than the frame too."""
    first, _, other = scenes
    frame = degrade(first)
    for picture in (first, np.clip(0.7 * first + 0.1, 0, 1)):
        assert likeness(frame, reduced_luma(picture, 4), unmoved(picture, stride), 4) > 0.97
    assert likeness(frame, reduced_luma(other, 4), unmoved(other, stride), 4) < 0.4


def test_the_match_is_followed(scenes):
    first, _, _ = scenes
    moved = np.roll(first, (8, -12), (1, 2))
    field = unmoved(moved)
    led = Correspondence(field.positions + np.float32([-12, 8]), field.relevance, 4, field.reference_size)
    inner = np.s_[:, 4:-4, 4:-4]
    cut = Correspondence(led.positions[:, 4:-4, 4:-4], led.relevance[:, 4:-4, 4:-4], 4, led.reference_size)
    frame = np.ascontiguousarray(degrade(first)[inner])
    assert likeness(frame, reduced_luma(moved, 4), cut, 4) > 0.95
    unled = Correspondence(field.positions[:, 4:-4, 4:-4], cut.relevance, 4, led.reference_size)
    assert likeness(frame, reduced_luma(moved, 4), unled, 4) < 0.5


def test_of_several_fields_the_most_relevant_counts(scenes):
    first, _, _ = scenes
    field = unmoved(first, fields=2)
    field.positions[0] += 40
    field.relevance[0] = 0.5
    assert likeness(degrade(first), reduced_luma(first, 4), field, 4) > 0.97


def test_a_frame_without_texture_is_like_anything(scenes):
    flat = np.full((3, 24, 32), 0.5, np.float32)
    assert likeness(flat, reduced_luma(scenes[0], 4), unmoved(scenes[0]), 4) == 1


def test_every_method_of_a_paper_looks():
    infos = {name: __import__(f"lfvideo_sr.methods.{METHODS[name].module}", fromlist=["INFO"]).INFO for name in METHODS}
    assert {name for name, info in infos.items() if info.unlike_below} == set(PAPERS)
    assert all(infos[name].unlike_below == UNLIKE for name in PAPERS)


@pytest.mark.parametrize("method", PAPERS)
def test_a_reference_of_another_scene_does_no_harm(scenes, method, run, tmp_path):
    """It is dropped, and the picture comes out as without it; one of the same scene is used."""
    first, later, other = scenes
    write_png(tmp_path / "in.png", degrade(first))
    for name, pixels in (("later", later), ("other", other)):
        write_png(tmp_path / f"{name}.png", pixels)
    words = ("--method", method, "--dtype", "fp32", "--device", "cpu")

    def restored(*references):
        output, report = tmp_path / "out.png", tmp_path / "r.json"
        outcome = run(
            "image", tmp_path / "in.png", *references, *words, "-o", output, "--report", report, "--overwrite"
        )
        assert outcome.code == 0, outcome.err
        return output.read_bytes(), json.loads(report.read_text())

    without, _ = restored("--no-refs")
    pixels, report = restored("--ref", tmp_path / "other.png")
    assert pixels == without and report["references"][0]["worthless"] and "no reference shows" in report["warnings"][0]
    pixels, report = restored("--ref", tmp_path / "later.png")
    assert pixels != without and report["references"][0]["used"]


def test_the_papers_protocols_use_every_reference(scenes):
    engine = make_engine("c2_matching", device="cpu", dtype="fp32")
    low = degrade(scenes[0])
    references = picture_references([scenes[2]], size_of(low))
    assert not match_references(engine, low, references).matches
    assert len(match_references(engine, low, references, as_they_are=True).matches) == 1


def test_a_stream_drops_it_too(scenes, run, tmp_path):
    first, later, other = scenes
    clip, output, folder = tmp_path / "clip.mkv", tmp_path / "out.mkv", tmp_path / "refs"
    write_clip(clip, [degrade(first), degrade(later)])
    folder.mkdir()
    words = ("--method", "c2_matching", "--device", "cpu", "--dtype", "fp32")
    for picture, served in ((other, 0), (first, 2)):
        write_png(folder / "0.png", picture)
        outcome = run("stream", clip, "-o", output, "--refs", folder, "--codec", "ffv1", "--overwrite", *words)
        assert outcome.code == 0, outcome.err
        (reference,) = report_of(output)["references"]
        assert (reference["frames_served"], reference["frames_dropped"]) == (served, 2 - served)
