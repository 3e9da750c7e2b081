"""Which streams go along, under which names: those that nothing holds or a user leaves out, sound encoded anew."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from odd_media import filled, packets, write_clip
from round_trips import FAST, clip_planes, copy

from lfvideo_sr.errors import OutputError, UsageError
from lfvideo_sr.frames import Size
from lfvideo_sr.media import probe
from lfvideo_sr.media.probe import open_input, video_track
from lfvideo_sr.media.pyav import open_media
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.streams import StreamChoice, track_tags


def write_two_sounds(path, names=("Game", "Microphone"), languages=("eng", "jpn")):
    """A clip of ten frames with two AAC tracks, the first of them the default."""
    with av.open(str(path), "w") as target:
        video = target.add_stream("libx264", 25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sounds = [target.add_stream("aac", 48000, layout="stereo") for _ in names]
        for number, (sound, name) in enumerate(zip(sounds, names)):
            sound.metadata.update({"title": name, "language": languages[number]})
            sound.disposition = av.stream.Disposition(0 if number else av.stream.Disposition.default)
        target.start_encoding()
        for _ in range(10):
            target.mux(video.encode(av.VideoFrame(64, 48, "yuv420p")))
        target.mux(video.encode(None))
        for sound in sounds:
            wave = np.sin(np.arange(19200) * 0.05).astype(np.float32)[None].repeat(2, 0)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = 48000, 0
            target.mux(sound.encode(frame))
            target.mux(sound.encode(None))
    return path


def make_last_sound_unknown(path):
    """The last sample entry gets a name that FFmpeg does not know, as telephones write beside AAC."""
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"stsd") + 12
    end = entry + struct.unpack(">I", data[entry : entry + 4])[0]
    data[entry + 4 : entry + 8] = b"apac"
    data[entry + 8 : end] = data[entry + 8 : end].replace(b"esds", b"dapa").replace(b"wave", b"wavx")
    path.write_bytes(data)
    return path


def sounds_of(path):
    with av.open(str(path)) as container:
        named = [stream.metadata.get("title") or stream.metadata.get("name") for stream in container.streams.audio]
        languages = [stream.language for stream in container.streams.audio]
        defaults = [bool(stream.disposition & av.stream.Disposition.default) for stream in container.streams.audio]
        return list(zip(named, languages, defaults))


def test_a_sound_track_that_nothing_holds_is_left_out_with_a_warning(tmp_path):
    clip = make_last_sound_unknown(write_two_sounds(tmp_path / "in.mov"))
    sink = copy(clip, tmp_path / "out.mov")
    (line,) = [line for line in sink.warnings if "sound" in line or "audio" in line]
    assert "audio stream #2" in line and "left out" in line and "--audio aac" not in line  # it cannot be decoded
    assert packets(tmp_path / "out.mov", "audio") == packets_of_first_sound(clip)


def packets_of_first_sound(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams[1]) if packet.size]


@pytest.mark.parametrize(
    ("drop", "left"),
    [(("audio",), ["srt"]), (("subtitle", "chapters"), ["opus"]), (("1",), ["srt"]), (("2", "attachment"), ["opus"])],
)
def test_streams_are_left_out_by_kind_and_by_index(tmp_path, drop, left):
    clip = write_clip(
        tmp_path / "in.mkv", clip_planes(5), audio="libopus", subtitles="subrip", chapters=True, attachment=True
    )
    assert not copy(clip, tmp_path / "out.mkv", choice=StreamChoice(drop)).warnings
    with av.open(str(tmp_path / "out.mkv")) as result:
        kinds = [stream.type for stream in result.streams]
        kept = [stream.codec_context.name for stream in result.streams if stream.type in ("audio", "subtitle")]
        assert kept == left and bool(result.chapters()) == ("chapters" not in drop)
        assert ("attachment" in kinds) == ("attachment" not in drop)


def test_a_refusal_names_how_to_leave_the_stream_out_and_that_helps(tmp_path):
    clip = write_clip(tmp_path / "in.mkv", clip_planes(5), subtitles="subrip", audio="aac")
    with pytest.raises(OutputError, match=r"write -o out\.mkv instead, which can, or pass --drop 2"):
        VideoSink(tmp_path / "out.mp4", video_track(clip), Size(64, 48), copy_from=clip)
    copy(clip, tmp_path / "out.mp4", choice=StreamChoice(("2",)))
    assert packets(tmp_path / "out.mp4", "audio")


@pytest.mark.parametrize(("ending", "encoder", "codec"), [("mp4", "opus", "opus"), ("mkv", "flac", "flac")])
def test_sound_is_encoded_anew_where_that_is_asked_for(tmp_path, ending, encoder, codec):
    clip = write_two_sounds(tmp_path / "in.mov")
    copy(clip, tmp_path / f"out.{ending}", choice=StreamChoice(audio=encoder))
    with av.open(str(tmp_path / f"out.{ending}")) as result:
        assert [stream.codec_context.name for stream in result.streams.audio] == [codec] * 2
        decoded = [frame.to_ndarray().astype(np.float64) for frame in result.decode(result.streams.audio[1])]
    samples = sum(wave.shape[1] if wave.shape[0] == 2 else wave.shape[1] // 2 for wave in decoded)
    assert abs(samples - 19200) < 3000
    assert [name for name, _, _ in sounds_of(tmp_path / f"out.{ending}")] == ["Game", "Microphone"]


def test_bad_choices_are_refused():
    for drop in ("sound", "1.5", "-1"):
        with pytest.raises(UsageError, match="--drop"):
            StreamChoice((drop,))
    with pytest.raises(UsageError, match="--audio is acc; copy, drop or an encoder"):
        StreamChoice(audio="acc")
    with pytest.raises(UsageError, match="an encoder of video"):
        StreamChoice(audio="libx264")


@pytest.mark.parametrize("before", ["mkv", "mp4", "mov"])
@pytest.mark.parametrize("after", ["mkv", "mp4", "mov"])
def test_sound_tracks_keep_names_languages_and_dispositions(tmp_path, before, after):
    clip = write_two_sounds(tmp_path / f"in.{before}")
    copy(clip, tmp_path / f"out.{after}")
    assert sounds_of(tmp_path / f"out.{after}") == [("Game", "eng", True), ("Microphone", "jpn", False)]


def test_languages_are_kept_in_mov_which_has_codes_of_its_own(tmp_path):
    clip = write_two_sounds(tmp_path / "in.mkv", languages=("fre", "swe"))
    copy(clip, tmp_path / "out.mov")
    assert [language for _, language, _ in sounds_of(tmp_path / "out.mov")] == ["fra", "sve"]
    copy(tmp_path / "out.mov", tmp_path / "again.mkv")
    assert [language for _, language, _ in sounds_of(tmp_path / "again.mkv")] == ["fra", "swe"]


def test_a_handler_that_somebody_named_is_a_track_s_name():
    assert track_tags({"handler_name": "Commentary"})["title"] == "Commentary"
    assert "title" not in track_tags({"handler_name": "SoundHandler"})
    assert track_tags({"title": "Film", "name": "Other"}) == {"title": "Film"}


def test_sound_that_starts_beyond_what_is_looked_at_has_its_parameters(tmp_path, monkeypatch):
    """FFmpeg looks at 5 MB of a broadcast on opening; here at less, so that the file may be small."""
    plain = write_two_sounds(tmp_path / "plain.ts").read_bytes()
    cells = [plain[at : at + 188] for at in range(0, len(plain), 188)]
    sound = [cell for cell in cells if (cell[1] & 0x1F) << 8 | cell[2] in (0x101, 0x102)]
    late = tmp_path / "late.ts"
    late.write_bytes(b"".join([cell for cell in cells if cell not in sound] + sound))

    def shallow(path, mode="r", **options):
        return open_media(path, mode, **({"options": {"probesize": "1000", "analyzeduration": "1"}} | options))

    with shallow(late) as container:
        assert not container.streams.audio[0].rate
    monkeypatch.setattr(probe, "open_media", shallow)
    with open_input(late) as container:
        assert [stream.rate for stream in container.streams.audio] == [48000, 48000]
    assert not copy(late, tmp_path / "out.mp4").warnings
    assert len(packets(tmp_path / "out.mp4", "audio")) == len(packets(late, "audio"))


def test_covers_are_left_out_by_kind(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(5), cover=True, **FAST)
    copy(clip, tmp_path / "out.mp4", choice=StreamChoice(("cover",)))
    with av.open(str(tmp_path / "out.mp4")) as result:
        assert len(result.streams.video) == 1


def write_stereo_pcm(path, codec: str):
    """Pictures of `codec`, and two channels of which Matroska and AVI state only that they are two."""
    wave = av.AudioFrame.from_ndarray(np.zeros((1, 19200), np.int16), format="s16", layout="stereo")
    wave.sample_rate, wave.pts = 48000, 0
    with av.open(str(path), "w") as target:
        pictures, sound = target.add_stream(codec, 25), target.add_stream("pcm_s16le", 48000, layout="stereo")
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        for index, planes in enumerate(clip_planes(5)):
            frame = filled(planes, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            target.mux(pictures.encode(frame))
        for made in (pictures.encode(None), sound.encode(wave), sound.encode(None)):
            target.mux(made)
    return path


@pytest.mark.parametrize(("name", "audio"), [("in.mkv", "copy"), ("in.avi", "copy"), ("in.mkv", "flac")])
def test_pcm_of_a_container_that_names_no_channels_goes_to_mp4(tmp_path, name, audio):
    """MP4 states which channels there are; the lack of that ended a run behind its last frame."""
    clip = write_stereo_pcm(tmp_path / name, "mpeg4" if name == "in.avi" else "libx264")
    with av.open(str(clip)) as made:
        assert made.streams.audio[0].layout.name == "2 channels"
    output = tmp_path / "out.mp4"
    assert not copy(clip, output, choice=StreamChoice(audio=audio)).warnings
    with av.open(str(output)) as result:
        assert result.streams.audio[0].layout.name == "stereo"
    if audio == "copy":  # cut into other packets
        assert b"".join(packets(output, "audio")) == b"".join(packets(clip, "audio"))
