#!/usr/bin/env python3
"""Frames a second on a GPU, frames resident there, nothing decoded or encoded: torch eager, compiled, as CUDA graphs.

    benchmarks/gpu.py [stream_ref] [c2_matching] [--sizes 480x270 960x540] [--variants ...] [--json FILE]
    benchmarks/gpu.py --files [--sizes 480x270 | --clip FILE] [--frames 200]
    benchmarks/gpu.py --kernels [--sizes 480x270] [--variants graphs]

stream_ref runs with its shipped weights, two references a frame, one new reference every 8 frames (its encoding is part
of the time), each field started from the one before; c2_matching untrained in the paper's width, with one reference
(its search starts from what the host draws, so no CUDA graph holds it).
The floor takes floating-point operations at the rate of a large product of two matrices measured here, and bytes (each
weight, frame, reference and picture once) at that of a copy. Also: memory beside the film's own frames, what tensors
took at their peak and what torch held of the device in the end; seconds to the first frame from a loaded method;
milliseconds of each verb; how far the picture is from float32's. --files: from file to file instead (a rendered clip,
or another one with sharp frames beside it), as `lfvideo-sr bench` does, and beside it what the encoder alone takes for
the same pictures. --kernels: which kernels a frame without a new reference launches, how often, and how long they take.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch._dynamo.variables.torch import tracing_state_functions
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from lfvideo_sr import bench
from lfvideo_sr.choose import load_learned, make_engine
from lfvideo_sr.engine import Engine, Precision
from lfvideo_sr.engines.resident import ResidentMethod
from lfvideo_sr.frames import Size
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.method import Match, Method
from lfvideo_sr.methods import c2_matching
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.stream.writing import converted

DEVICE = torch.device("cuda")
EVERY = 8
VARIANTS = ("eager", "compiled", "graphs", "compiled graphs")


def make_method(name: str) -> Method:
    if name == "stream_ref":
        return load_learned("stream_ref")
    torch.manual_seed(0)
    return c2_matching.build(c2_matching.network({}))


def make_resident(name: str, variant: str, precision: Precision) -> ResidentMethod:
    method = make_method(name)
    resident = ResidentMethod(method, DEVICE, precision, replay="graphs" in variant)
    if "compiled" in variant:  # for one size
        # Older torch takes torch.compile for an export; 2.14 does not.
        tracing_state_functions()[torch.compiler.is_exporting] = False
        names = ("matcher", "restorer") if name == "stream_ref" else ("restorer",)  # a search asks for values
        parts = {part: torch.compile(getattr(method, part), dynamic=False) for part in names}
        resident.method = replace(method, **parts)
    return resident


class Film:
    """A picture that moves by a few pixels a frame: [1,3,4h,4w] sharp, and its low-resolution frames, on the GPU."""

    def __init__(self, size: Size, frames: int, scale: int = 4):
        torch.manual_seed(1)
        height, width = scale * size.height, scale * size.width
        side = max(height, width) + 4 * frames
        octaves = (F.interpolate(torch.rand(1, 3, side // step + 1, side // step + 1), (side, side), mode="bicubic")
                   for step in (2, 8, 32, 128))  # fmt: skip
        self._whole = sum(octaves).div(4).sub(0.5).mul(2).add(0.5).clamp(0, 1).to(DEVICE)
        self._sides = height, width

    def sharp(self, number: int) -> torch.Tensor:
        height, width = self._sides
        left, top = 3 * number, number
        part = self._whole[:, :, top : top + height, left : left + width]
        return part.contiguous(memory_format=torch.channels_last)


def stream(resident: ResidentMethod, film: Film, low: list[torch.Tensor], first: int, last: int, state: dict) -> Any:
    """Frames first .. last - 1, the reference before each and the one behind it, as far as the method takes two."""
    picture = None
    count = min(2, resident.method.info.references if resident.method.info.name == "stream_ref" else 1)
    for number in range(first, last):
        keys = [(number // EVERY + which) * EVERY for which in range(count)]
        for key in keys:
            if key not in state:
                state[key] = [resident.encode(film.sharp(key)), None]
        for key in [key for key in state if key not in keys]:
            del state[key]
        fields = resident.match(low[number], *zip(*(state[key] for key in keys)))
        matches = []
        for key, (positions, relevance) in zip(keys, fields):
            features = state[key][0]
            state[key][1] = positions if resident.seeds_here or resident.method.warm else None
            matches.append(Match({k: v for k, v in features.items() if k != "seed"}, positions, relevance))
        picture = resident.restore(low[number], matches)
    return picture


def low_frames(resident: ResidentMethod, film: Film, count: int) -> list[torch.Tensor]:
    """What a low-resolution camera would have shown of the first frames, [1,3,h,w] each, on the GPU."""
    layout = torch.channels_last
    return [
        resident.reduced(film.sharp(number)).clamp(0, 1).contiguous(memory_format=layout) for number in range(count)
    ]


def timed(work: Callable[[], Any]) -> float:
    """Seconds, the device's work included."""
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def median_ms(work: Callable[[], Any], runs: int = 20) -> float:
    return 1e3 * sorted(timed(work) for _ in range(runs))[runs // 2]


def measure(name: str, variant: str, precision: Precision, size: Size, frames: int) -> dict[str, Any]:
    torch.cuda.empty_cache()
    film = Film(size, frames + 6 * EVERY)
    resident = make_resident(name, variant, precision)
    begins = 3 * EVERY + 4 if name == "stream_ref" else 3  # all graphs there are have been captured by then
    low = low_frames(resident, film, frames + begins)
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    held, of_film = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
    torch.cuda.reset_peak_memory_stats()
    state: dict = {}
    first = timed(lambda: stream(resident, film, low, 0, 1, state))
    warm = timed(lambda: stream(resident, film, low, 1, begins, state))
    seconds = timed(lambda: stream(resident, film, low, begins, begins + frames, state))
    reserved = torch.cuda.memory_reserved() - of_film
    verbs = verb_times(resident, film, low, 20 if name == "stream_ref" else 3)
    return {
        "method": name, "variant": variant, "precision": precision.value, "input": f"{size.width}x{size.height}",
        "fps": round(frames / seconds, 1), "frame_ms": round(1e3 * seconds / frames, 2),
        "first_frame_s": round(first, 2), "warm_up_s": round(warm, 2),
        "peak_gb": round((torch.cuda.max_memory_allocated() - held) / 1e9, 2),
        "reserved_gb": round(reserved / 1e9, 2), **verbs,
    }  # fmt: skip


def verb_times(resident: ResidentMethod, film: Film, low: list[torch.Tensor], runs: int) -> dict[str, float]:
    features = resident.encode(film.sharp(0))
    plain = {k: v for k, v in features.items() if k != "seed"}
    count = 2 if resident.method.info.name == "stream_ref" else 1
    fields = resident.match(low[0], count * [features], count * [None])
    starts = [positions if resident.seeds_here or resident.method.warm else None for positions, _ in fields]
    matches = [Match(plain, *field) for field in fields]
    return {
        "encode_ms": round(median_ms(lambda: resident.encode(film.sharp(0)), runs), 2),
        "match_ms": round(median_ms(lambda: resident.match(low[1], count * [features], starts), runs), 2),
        "restore_ms": round(median_ms(lambda: resident.restore(low[1], matches), runs), 2),
    }


def ceilings() -> tuple[float, float]:
    """FLOP/s of a large bf16 product on random data, and bytes/s of a copy, read and written."""
    side = 8192
    left, right = (torch.randn(side, side, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    rate = 2 * side**3 / (median_ms(lambda: left @ right, 10) / 1e3)
    large = torch.rand(1 << 29, device=DEVICE)
    into = torch.empty_like(large)
    return rate, 2 * large.nbytes / (median_ms(lambda: into.copy_(large), 10) / 1e3)


def floor(name: str, size: Size, rate: float, bandwidth: float) -> dict[str, float]:
    """Of matching and restoring one frame, the seed's search left out (it has no products to speak of). Counted at a
    small size: both grow as the picture does, and trying float32's algorithms at 4K takes longer than what is
    measured."""
    resident = make_resident(name, "eager", Precision.FP32)
    small = Size(240, 135)
    larger = size.width * size.height / (small.width * small.height)
    film = Film(small, 2)
    frame = resident.reduced(film.sharp(0))
    features = {k: v for k, v in resident.encode(film.sharp(0)).items() if k != "seed"}
    method, count = resident.method, 2 if name == "stream_ref" else 1
    seed = None
    if name == "stream_ref":
        places = method.info.scale // method.field_stride
        seed = torch.zeros(1, places * small.height, places * small.width, 2, device=DEVICE)
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        positions, relevance = method.matcher(frame, features, seed)
        matching = counted.get_total_flops()
        picture = method.restorer(frame, count * [Match(features, positions, relevance)])
        work = larger * (counted.get_total_flops() + (count - 1) * matching)
    weights = sum(parameter.numel() for part in (method.matcher, method.restorer) for parameter in part.parameters())
    read = count * sum(feature.numel() for feature in features.values() if isinstance(feature, torch.Tensor))
    moved = 2 * weights + 4 * larger * (read + frame.numel() + picture.numel() + 2 * count * positions.numel())
    return {
        "gflop": round(work / 1e9, 1), "mb": round(moved / 1e6, 1), "flop_ms": round(1e3 * work / rate, 3),
        "byte_ms": round(1e3 * moved / bandwidth, 3),
    }  # fmt: skip


def agreement(size: Size) -> dict[str, float]:
    """PSNR of the sixth frame of a film by graphs in half precision against eager float32, and against the truth."""
    film, pictures = Film(size, 3 * EVERY), {}
    for variant, precision in (("eager", Precision.FP32), ("eager", Precision.BF16), ("graphs", Precision.BF16),
                               ("graphs", Precision.FP16)):  # fmt: skip
        resident = make_resident("stream_ref", variant, precision)
        pictures[f"{variant} {precision.value}"] = stream(resident, film, low_frames(resident, film, 6), 0, 6, {})
    exact, truth = pictures.pop("eager fp32"), film.sharp(5)
    psnr = lambda first, second: round(float(-10 * torch.log10((first - second).square().mean())), 2)  # noqa: E731
    return {"eager fp32 to truth": psnr(exact, truth)} | {
        f"{name} to {to}": psnr(picture, other) for name, picture in pictures.items() for to, other in
        (("fp32", exact), ("truth", truth))
    }  # fmt: skip


def from_file_to_file(clip: Path, frames: int, presets: Sequence[str] = ("veryfast", "ultrafast")) -> None:
    """Frames a second of stream_ref over a clip, with decoding and encoding; and the encoder's own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mkv"
        for preset in presets:
            with make_engine(device=str(DEVICE), engine="torch") as engine:
                measured = bench.measure(clip, engine, frames, out, "libx264", preset)
                print(measured | {"encoder_alone_fps": encoder_alone(clip, engine, out, preset, frames)}, flush=True)


def encoder_alone(clip: Path, engine: Engine, out: Path, preset: str, frames: int) -> float:
    """Frames a second that the encoder takes when all pictures are ready."""
    with StreamJob(clip, engine, StreamOptions(frames=frames, ref_output="sr")) as job:
        sink = VideoSink(out, job.video, job.size, preset=preset, overwrite=True)
        pictures = list(converted(job, sink))
        started = time.perf_counter()
        for picture in pictures:
            sink.encode(picture)
        sink.close()
        return round(len(pictures) / (time.perf_counter() - started), 1)


def kernels(name: str, variant: str, precision: Precision, size: Size, frames: int = 4) -> dict[str, tuple[int, float]]:
    """Of one frame without a new reference: launches and microseconds of each kernel, those that take longest first."""
    film = Film(size, 3 * EVERY)
    resident = make_resident(name, variant, precision)
    low = low_frames(resident, film, 2 * EVERY)
    state: dict = {}
    begins = EVERY + 1
    timed(lambda: stream(resident, film, low, 0, begins, state))
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        timed(lambda: stream(resident, film, low, begins, begins + frames, state))
    events = sorted(seen.key_averages(), key=lambda event: event.self_device_time_total, reverse=True)
    return {event.key: (event.count // frames, event.self_device_time_total / frames) for event in events}


def print_kernels(kernels: dict[str, tuple[int, float]], most: int = 40) -> None:
    launches, spent = (sum(kernel[part] for kernel in kernels.values()) for part in (0, 1))
    print(f"{launches} launches of {spent:.0f} us", flush=True)
    for key, (count, microseconds) in list(kernels.items())[:most]:
        print(f"{microseconds:9.1f} us {count:4} {key[:120]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=["stream_ref", "c2_matching"])
    parser.add_argument("--sizes", nargs="*", default=["480x270", "960x540"])
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS))
    parser.add_argument("--precisions", nargs="*", default=["bf16", "fp16"])
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--files", action="store_true")
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--kernels", action="store_true")
    options = parser.parse_args()
    sizes = [Size(*map(int, words.split("x"))) for words in options.sizes]
    if options.files:
        with tempfile.TemporaryDirectory() as folder:
            clip = options.clip or Path(folder) / "clip.mkv"
            if options.clip is None:
                bench.make_clip(clip, sizes[0], options.frames)
            from_file_to_file(clip, options.frames)
        return
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    if options.kernels:
        for name, size, variant in itertools.product(options.methods, sizes, options.variants):
            print(name, size, variant, options.precisions[0])
            print_kernels(kernels(name, variant, Precision(options.precisions[0]), size))
        return
    rate, bandwidth = ceilings()
    print(f"{rate / 1e12:.0f} TFLOP/s in bf16, {bandwidth / 1e12:.2f} TB/s", flush=True)
    rows: list[dict[str, Any]] = []
    for name in options.methods:
        for size, words in zip(sizes, options.sizes):
            print(name, words, "floor", floor(name, size, rate, bandwidth), flush=True)
            variants = [variant for variant in options.variants if name == "stream_ref" or "graphs" not in variant]
            for variant in variants:
                for precision in options.precisions:
                    frames = options.frames if name == "stream_ref" else max(4, options.frames // 40)
                    try:
                        row = measure(name, variant, Precision(precision), size, frames)
                    except Exception as error:  # one variant that fails must not hide the others
                        row = {"method": name, "variant": variant, "input": words, "error": repr(error)[:300]}
                    rows.append(row)
                    print(*(f"{key} {value}" for key, value in row.items()), flush=True)
        if name == "stream_ref":
            print("agreement", agreement(Size(480, 270)), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
