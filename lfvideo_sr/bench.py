"""`lfvideo-sr bench`: the same pipeline as `stream`, measured stage by stage, beside a yardstick network.

The yardstick is a plain residual network (16 blocks of 64 channels at the low-resolution grid, x4 pixel shuffle), run
in the same process, on the same device, in the same dtype, at the same size. Ratios to it carry over between machines
better than seconds do.
"""

import json
import multiprocessing
import resource
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .checks import check_positive
from .choose import EngineOptions, choose_engine
from .engine import Engine
from .engines.host_memory import prepare_process
from .frames import Frame, Size, TimeStamp
from .media.colour import ColourSpec
from .media.probe import VideoInfo
from .media.resize import degrade
from .media.sink import VideoSink
from .methods import METHODS
from .stream.job import StreamJob
from .stream.opening import low_size
from .stream.options import StreamOptions
from .stream.writing import converted
from .synthetic import random_scene, render

WARM_UP = 9  # frames; the first reference interval is not counted
SCALE = 4


def run_bench(
    clip: Path | None, size: Size | None, frames: int, options: EngineOptions, *, codec: str, preset: str, as_json: bool
) -> None:
    """Measure and print."""
    check_positive("--frames", frames)
    with tempfile.TemporaryDirectory() as folder:
        if clip is None:
            clip = Path(folder) / "clip.mkv"
            _apart(make_clip, clip, size or Size(480, 270), frames)
        size = low_size(clip, StreamOptions())
        with choose_engine(options, size).engine as engine:
            prepare_process(engine.device)
            result = {"engine": engine.name} | measure(clip, engine, frames, Path(folder) / "out.mkv", codec, preset)
            if METHODS[options.method].learned:
                yardstick = yardstick_ms(size, engine)
                result |= {"yardstick_ms": yardstick, "ratio": round(result["frame_ms"] / yardstick, 3)}
    print(json.dumps(result, indent=1) if as_json else "\n".join(lines(result)))


def measure(clip: Path, engine: Engine, frames: int, output: Path, codec: str, preset: str) -> dict[str, Any]:
    """Stream `clip` with every frame restored, none passed on. Frames count from WARM_UP on,
    of a shorter clip its last. What the encoder has left to do when it is closed is shared by all frames."""
    with StreamJob(clip, engine, StreamOptions(frames=frames, ref_output="sr")) as job:
        sink = VideoSink(output, job.video, job.size, codec=codec, preset=preset, overwrite=True)
        warm_up, started = min(WARM_UP, (job.info.frames or frames) - 1), time.perf_counter()
        for done, picture in enumerate(converted(job, sink), 1):
            with job.watch.stage("write"):
                sink.encode(picture)
            if done == warm_up:
                started = time.perf_counter()
        restored = time.perf_counter()
        with job.watch.stage("finish"):
            sink.close()
        left = (time.perf_counter() - restored) / job.frames
        frame_ms = 1e3 * ((restored - started) / (job.frames - warm_up) + left)
        return {
            "method": engine.info.name,
            "device": engine.device,
            "dtype": engine.precision.value,
            "input_size": str(job.info.size),
            "output_size": str(job.size),
            "references": job.reference_kind,
            "frames": job.frames,
            "codec": f"{codec} {preset}",
            "frame_ms": round(frame_ms, 1),
            "frames_per_second": round(1e3 / frame_ms, 2),
            "stages": job.watch.summary(),
            "cache_hit_rate": round(job.cache.statistics.hit_rate, 3),
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def yardstick_ms(size: Size, engine: Engine, runs: int = 7) -> float:
    """Median milliseconds of the yardstick network for one frame of `size`."""
    import torch
    from torch import nn

    from .engines.cudnn_settings import CudnnSettings

    class Block(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + super().forward(x)

    def conv(inputs: int, outputs: int) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, 3, padding=1)

    blocks = [Block(conv(64, 64), nn.ReLU(), conv(64, 64)) for _ in range(16)]
    network = nn.Sequential(conv(3, 64), *blocks, conv(64, 3 * SCALE**2), nn.PixelShuffle(SCALE)).eval()
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[engine.precision.value]
    network = network.to(engine.device, dtype).to(memory_format=torch.channels_last)
    frame = torch.rand(1, 3, size.height, size.width).to(engine.device, dtype, memory_format=torch.channels_last)
    taken = []
    with torch.inference_mode(), CudnnSettings():
        for _ in range(runs + 2):
            started = time.perf_counter()
            network(frame).float().cpu()
            taken.append(1e3 * (time.perf_counter() - started))
    return round(float(np.median(taken[2:])), 1)


def make_clip(path: Path, size: Size, frames: int) -> None:
    """A rendered moving scene in H.264: `size` for every frame, and x4 for every eighth beside it as a sidecar."""
    scene = random_scene(np.random.default_rng(1), width=size.width * SCALE)
    low = _sink(path, size, frames)
    high = _sink(path.with_suffix(".ref.mkv"), size.scaled(SCALE), frames)
    for number in range(frames):
        picture = render(scene, float(number), size.scaled(SCALE))
        frame = Frame(picture, number, TimeStamp(40 * number, Fraction(1, 1000), 40))
        low.write(frame.with_pixels(degrade(picture)))
        if number % 8 == 0:
            high.write(frame)
    low.close()
    high.close()


def _sink(path: Path, size: Size, frames: int) -> VideoSink:
    video = VideoInfo(
        path=path, track=0, stream_index=0, size=size, rate=Fraction(25), time_base=Fraction(1, 1000), frames=frames,
        seconds=frames / 25, colour=ColourSpec(), pixel_format="yuv420p", codec="h264",
    )  # fmt: skip
    return VideoSink(path, video, size, crf=12, preset="fast", overwrite=True)


def _apart(work, *arguments) -> None:
    """Run in a process of its own, so that its memory does not count for ours."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{work.__name__} failed with exit code {process.exitcode}")


def lines(result: dict[str, Any]) -> list[str]:
    """For people."""
    shown = [
        f"{result['method']} by {result['engine']} on {result['device']} in {result['dtype']}, "
        f"{result['input_size']} -> {result['output_size']}, references: {result['references']}, {result['codec']}",
        *(
            f"  {name:8} {stage['median_ms']:8.1f} ms  (95th percentile {stage['p95_ms']:.1f})"
            for name, stage in result["stages"].items()
        ),
        f"frame      {result['frame_ms']:.1f} ms = {result['frames_per_second']:.2f} fps, with decoding and encoding",
        f"memory     {result['peak_memory_mb']} MB at most",
    ]
    if "ratio" in result:
        shown.append(
            f"yardstick  {result['yardstick_ms']:.1f} ms (16 blocks x 64 channels): ratio {result['ratio']:.2f}"
        )
    return shown
