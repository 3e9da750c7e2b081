#!/usr/bin/env python3
"""What key frames cost in bytes, as each segment of a run begins with one (lfvideo_sr/stream/segments.py).

usage: LFVIDEO_DATA=FOLDER benchmarks/key_frames.py [--frames N] [--every N ...]

The sharp frames of the clips kept for validation, at most 540 lines, encoded by x264 as `stream` does by default (crf
16, preset medium): bytes with a key frame every so many frames, over those with key frames where x264 puts them.
"""

import argparse
from io import BytesIO
from pathlib import Path

import av
from av.packet import Packet
from compressed import RATE, sharp_frames
from data_folder import data_folder

CLIPS = ("apple", "cockatoo", "bikes", "paragliding-launch")


def encoded_bytes(clip: Path, frames: int, every: int | None) -> tuple[int, int]:
    """Of the packets, and how many frames there were. every: None leaves key frames to the encoder."""
    options = {"crf": "16", "preset": "medium"}
    if every is not None:
        options |= {"g": str(every), "keyint_min": str(every), "sc_threshold": "0"}
    packets: list[Packet] = []
    count = 0
    with av.open(BytesIO(), "w", format="matroska") as container:
        stream = container.add_stream("libx264", RATE, options=options)
        for count, pixels in enumerate(sharp_frames(clip, frames), 1):
            if count == 1:
                stream.height, stream.width = pixels.shape[1:]
                stream.pix_fmt = "yuv420p"
            rgb = av.VideoFrame.from_ndarray(pixels.transpose(1, 2, 0).copy(), format="rgb24")
            frame = rgb.reformat(format="yuv420p")
            frame.pts, frame.time_base = count - 1, 1 / RATE
            packets += stream.encode(frame)
        packets += stream.encode()
    return sum(packet.size for packet in packets), count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--every", type=int, nargs="*", default=[40, 80])
    options = parser.parse_args()
    for name in CLIPS:
        clip = data_folder() / "video" / f"{name}.mp4"
        least, count = encoded_bytes(clip, options.frames, None)
        costs = [encoded_bytes(clip, options.frames, every)[0] / least - 1 for every in options.every]
        shown = ", ".join(f"every {every}: {cost:+.1%}" for every, cost in zip(options.every, costs))
        print(f"{name:20} {count} frames, {least} bytes; {shown}", flush=True)


if __name__ == "__main__":
    main()
