"""An input opens no other file: lists of files are refused, whatever they are called."""

import shutil

import av
import pytest

from lfvideo_sr.errors import InputError
from lfvideo_sr.media.demuxers import reading_options
from lfvideo_sr.media.pyav import open_media
from lfvideo_sr.media.video import VideoSource, video_tracks

LISTS = {
    "playlist": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
    "list of files": "ffconcat version 1.0\nfile {}\n",
    "session": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("ending", ["mp4", "m3u8", "txt.mkv"])
@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_files_is_refused(kind, ending, low_clip, tmp_path):
    shutil.copy(low_clip, tmp_path / "private.mkv")
    path = tmp_path / f"in.{ending}"
    path.write_text(LISTS[kind].format("private.mkv"))
    with pytest.raises(InputError, match=r"in\..* is a list of other files, and only what is named here is read"):
        video_tracks(path)


def test_ffmpeg_itself_is_told_what_it_may_open(low_clip, tmp_path):
    shutil.copy(low_clip, tmp_path / "private.mkv")
    path = tmp_path / "in.mkv"
    path.write_text("\n" * 200 + "ffconcat version 1.0\nfile private.mkv\n")
    with av.open(str(path), format="concat") as container:  # it would
        assert container.streams.video
    with pytest.raises(av.FFmpegError):
        open_media(path)
    with open_media(low_clip, format="matroska") as container:
        assert container.streams.video


def test_only_media_files_are_allowed():
    options = reading_options()
    allowed = options["format_whitelist"].split(",")
    assert not {"concat", "hls", "dash", "image2", "lavfi", "sdp", "rtsp", "x11grab", "webm_dash_manifest"} & set(
        allowed
    )
    assert {"matroska", "mov", "avi", "mpegts", "gif", "ogg", "mxf", "png_pipe"} <= set(allowed)
    assert options["protocol_whitelist"] == "file,fd,pipe"


def test_a_decoder_has_the_limit_of_the_moment_at_which_it_is_opened(low_clip, monkeypatch):
    with VideoSource(low_clip) as source:
        monkeypatch.setenv("LFVIDEO_MAX_PIXELS", str(48 * 32 - 1))
        with pytest.raises(InputError, match="no frame decodes"):
            next(iter(source))
