"""Which of several video tracks is restored."""

import cv2
import numpy as np
import pytest
from hybrid_clips import LARGE, SMALL, even, pictures, write_tracks
from small_clips import rendered

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.probe import video_tracks
from lfvideo_sr.references.opening import lr_track
from lfvideo_sr.references.picture_track import picture_track, unused_tracks


def scene(seed, count, size):
    """Pictures of a rendered scene, uint8 [H,W,3]; another for each seed."""
    shown = rendered(0, count, seed=seed, size=Size(192, 144))
    whole = [np.ascontiguousarray((pixels.transpose(1, 2, 0) * 255).astype(np.uint8)) for pixels in shown]
    return [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in whole]


def black(count, size):
    return [np.zeros((size.height, size.width, 3), np.uint8)] * count


def test_the_small_track_of_a_hybrid_file_is_restored(tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", (scene(3, 2, LARGE), even(2)), (scene(3, 2, SMALL), even(2)))
    assert picture_track(clip).size == SMALL and lr_track(clip) == 1
    aside = [np.ascontiguousarray(np.roll(picture, 3, axis=1)) for picture in scene(3, 2, SMALL)]
    beside = write_tracks(tmp_path / "rig.mkv", (scene(3, 2, LARGE), even(2)), (aside, even(2)))
    assert lr_track(beside) == 1  # the cameras of a rig do not show quite the same
    sparse = write_tracks(tmp_path / "sparse.mkv", (pictures(8, SMALL), even(8)), (pictures(1, LARGE), [0]))
    assert lr_track(sparse) == 0


def test_a_small_track_of_something_else_is_not_what_is_restored(tmp_path):
    film, inset = (scene(3, 2, LARGE), even(2)), (scene(11, 2, SMALL), even(2))
    clip = write_tracks(tmp_path / "in.mkv", film, inset)
    assert picture_track(clip).size == LARGE
    assert lr_track(clip, 1) == 1  # as asked for
    with pytest.raises(InputError, match="no video track 2; it has 2"):
        lr_track(clip, 2)


def test_pictures_without_texture_say_nothing_against_a_hybrid_file(tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", (black(4, LARGE), even(4)), (black(4, SMALL), even(4)))
    assert picture_track(clip).size == SMALL


def test_tracks_that_are_not_used_are_named(tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", (pictures(2, LARGE), even(2)), (pictures(2, LARGE), even(2)))
    tracks = video_tracks(clip)
    (line,) = unused_tracks(clip, tracks[:1])
    assert "video track 1" in line and "--track 1" in line
    assert unused_tracks(clip, tracks) == []


def test_video_that_cannot_be_decoded_is_named(tmp_path):
    clip = write_tracks(tmp_path / "in.mkv", (pictures(2, LARGE), even(2)), (pictures(2, SMALL), even(2)))
    data = clip.read_bytes()
    last = data.rindex(b"V_FFV1")
    clip.write_bytes(data[:last] + b"V_DPTH" + data[last + 6 :])  # a codec that nobody knows
    (line,) = unused_tracks(clip, [picture_track(clip)])
    assert "#1" in line and "codec" in line and picture_track(clip).size == LARGE
