"""Batches of samples by their numbers, made ahead of the loop by a thread or by processes."""

import itertools
import multiprocessing
from collections.abc import Callable, Generator, Iterable, Iterator

import cv2
import lightning as L
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from ..errors import UsageError
from ..prefetch import prefetch
from .task import Batch, RunConfig, Sample


class _Numbered(Dataset[Sample]):
    """Samples by their numbers."""

    def __init__(self, sample: Callable[[int], Sample]):
        self._sample = sample

    def __getitem__(self, number: int) -> Sample:
        return self._sample(number)


def batches_of(
    sample: Callable[[int], Sample], config: RunConfig, fabric: L.Fabric, step: int
) -> Generator[Batch, None, None]:
    """The samples of this process, in the order of their numbers, made beside it."""
    every = config.batch * fabric.world_size
    first = step * config.accumulate * every + fabric.global_rank * config.batch
    numbers = (list(range(start, start + config.batch)) for start in itertools.count(first, every))
    make = _by_workers if config.workers else _by_a_thread
    for batch in make(_Numbered(sample), numbers, config.workers, fabric.device.type == "cuda"):
        yield {name: tensor.to(fabric.device, non_blocking=True) for name, tensor in batch.items()}


def _by_a_thread(samples: _Numbered, numbers: Iterable[list[int]], workers: int, pinned: bool) -> Iterator[Batch]:
    def made() -> Iterator[Batch]:
        for group in numbers:
            batch = default_collate([samples[number] for number in group])
            yield {name: tensor.pin_memory() for name, tensor in batch.items()} if pinned else batch

    return prefetch(made(), ahead=2)


def _by_workers(samples: _Numbered, numbers: Iterable[list[int]], workers: int, pinned: bool) -> Iterator[Batch]:
    if "fork" not in multiprocessing.get_all_start_methods():  # what makes a sample is full of closures
        raise UsageError(f"`workers` is {workers}, and this system cannot fork processes; leave it at 0")
    return iter(
        DataLoader(
            samples,
            batch_sampler=numbers,  # type: ignore[arg-type]  # any iterable of lists will do
            num_workers=workers,
            multiprocessing_context="fork",
            worker_init_fn=_one_thread,
            pin_memory=pinned,
            prefetch_factor=4,
            generator=torch.Generator(),  # not the shared one: torch's state is part of a run's course
        )
    )


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)
