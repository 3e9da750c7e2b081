"""`stream --dry-run` and `stream --preview`: what a long run would do, before it is done."""

import cv2
import pytest
from command_line import FAST, report_of
from small_clips import EVERY, FRAMES, frames_of

from lfvideo_sr.commands.contact_sheet import chosen
from lfvideo_sr.commands.preview import parse_length
from lfvideo_sr.errors import UsageError


def test_a_dry_run_prints_the_plan_and_writes_nothing(run, hybrid_clip, tmp_path):
    outcome = run("stream", hybrid_clip, "-o", tmp_path / "out.mkv", *FAST, "--dry-run")
    assert outcome.code == 0 and outcome.err == "" and list(tmp_path.iterdir()) == []
    lines = outcome.out.splitlines()
    assert any("48x32 -> 192x128; about" in line for line in lines)
    assert any(line.startswith("engine      numpy: ") for line in lines)
    count = -(-FRAMES // EVERY)
    assert any(line.startswith(f"            {count} at 0.00, {EVERY / 25:.2f}") for line in lines)
    assert lines[-1].startswith(f"output      {tmp_path / 'out.mkv'} (192x128), not written")


def test_a_dry_run_of_pictures_leaves_no_folder(run, low_clip, tmp_path):
    outcome = run("stream", low_clip, "-o", tmp_path / "out" / "%03d.png", *FAST[:2], "--dry-run")
    assert outcome.code == 0 and list(tmp_path.iterdir()) == []


def test_a_dry_run_refuses_what_a_run_refuses(run, low_clip, tmp_path):
    (tmp_path / "out.mkv").write_text("precious")
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--dry-run")
    assert outcome.code == 3 and "--overwrite" in outcome.line


def test_a_preview_is_a_piece_from_the_middle_with_a_sheet_and_an_estimate(run, hybrid_clip, tmp_path):
    outcome = run("stream", hybrid_clip, "-o", tmp_path / "out.mkv", *FAST, "--preview", "0.4s")
    assert outcome.code == 0, outcome.err
    piece, sheet = tmp_path / "out_preview.mkv", tmp_path / "out_preview.png"
    assert {path.name for path in tmp_path.iterdir()} == {piece.name, sheet.name, "out_preview.report.json"}
    count = len(frames_of(piece))
    assert 9 <= count <= 11
    times = [row["time"] for row in report_of(piece)["per_frame"]]
    assert times[0] + times[-1] == pytest.approx((FRAMES - 1) / 25, abs=0.09)  # about the middle of the clip
    lines = outcome.out.splitlines()
    assert any(line.startswith(f"whole clip  {FRAMES} frames: about ") for line in lines)
    assert any(line.startswith("references  used here: ") for line in lines)
    picture = cv2.imread(str(sheet))
    assert picture is not None and picture.shape[1] == 3 * 480
    assert picture[:100].std() > 10, "it shows something"


def test_a_preview_of_a_short_clip_is_all_of_it_and_can_be_made_again(run, low_clip, tmp_path):
    for _ in range(2):
        words = ("--method", "bicubic", "--codec", "ffv1", "--preview", "60")
        assert run("stream", low_clip, "-o", tmp_path / "out.mkv", *words).code == 0
    assert len(frames_of(tmp_path / "out_preview.mkv")) == FRAMES


def test_a_preview_of_pictures_is_a_video_beside_their_folder(run, low_clip, tmp_path):
    output = tmp_path / "out" / "%03d.png"
    outcome = run("stream", low_clip, "-o", output, *FAST[:2], "--preview", "0.1s")
    assert outcome.code == 0, outcome.err
    assert {"out_preview.mkv", "out_preview.png"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preview", "5s", "--from", "1"], "--from"),
        (["--preview", "long"], "5s"),
        (["--preview", "0"], "above 0"),
        (["--preview", "1", "--dry-run"], "give one"),
        (["--preview", "1", "--ray", "auto"], "--ray"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message, run, low_clip, tmp_path):
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, *options)
    assert outcome.code == 2 and message in outcome.line and list(tmp_path.iterdir()) == []


def test_a_foreign_picture_is_no_place_for_the_sheet(run, low_clip, tmp_path):
    (tmp_path / "out_preview.png").write_text("precious")
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--preview", "1")
    assert outcome.code == 3 and (tmp_path / "out_preview.png").read_text() == "precious"


def test_lengths_and_the_frames_of_a_sheet():
    assert [float(parse_length(text)) for text in ("5s", "2.5", " 3s ")] == [5, 2.5, 3]
    with pytest.raises(UsageError, match="5s"):
        parse_length("5 min")
    assert chosen(2, 9, {}) == [0, 1] and chosen(100, 3, {}) == [0, 50, 99]
    assert chosen(100, 3, {51: True}) == [0, 51, 99]
