"""Replications run in chunks, one after the other or side by side; the answer is the same bits either way.

The luck of a replication depends on its number alone, so how replications are shared out cannot matter; the chunks
are put together in the order of their numbers.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from simulation.tallies import Tallies, joined

if TYPE_CHECKING:
    from simulation.run import Runner

CHUNKS = 8
CHUNKS_WATCHED = 16
"""Into about so many chunks replications are cut, more where progress is told: no more than one of them is lost when
the user stops the run."""

Progress = Callable[[int, int, float], object]
"""Called with replications done, replications wanted and an estimate of the seconds left."""


class StoppedEarly(KeyboardInterrupt):
    """The user stopped the run; what was done is in `tallies`.

    Attributes:
        tallies: Of the replications done, from the first on without a gap; None where there are none.
    """

    def __init__(self, tallies: Tallies | None) -> None:
        super().__init__("stopped by the user")
        self.tallies = tallies


def run_replications(
    runner: Runner,
    *,
    first: int,
    replications: int,
    workers: int = 1,
    processes: bool = False,
    progress: Progress | None = None,
    done: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Tallies:
    """Run replications first, first + 1, … and put them together.

    Args:
        runner: Called as runner(first_replication=…, replications=…); to be pickled where processes are used.
        first: Number of the first replication.
        replications: How many, at least 1.
        workers: How many work side by side.
        processes: Whether they are processes, for plain Python; compiled executors let go of the interpreter's
            lock, so that threads do. Policies that other processes cannot import (lambdas, functions of a notebook
            or script) run in threads, which is right, and no faster than one worker.
        progress: Told after each chunk.
        done: Replications made before, for the progress.
        clock: Seconds, for the time left.

    Raises:
        StoppedEarly: on Ctrl-C.
    """
    size = _chunk_size(replications, workers, CHUNKS if progress is None else CHUNKS_WATCHED)
    chunks = [(start, min(size, first + replications - start)) for start in range(first, first + replications, size)]
    parts: list[Tallies] = []
    started, made = clock(), 0
    try:
        for part in _in_order(runner, chunks, workers, processes and _can_be_sent(runner)):
            parts.append(part)
            made += part.replications
            if progress is not None:
                left = (clock() - started) / made * (replications - made)
                progress(done + made, done + replications, left)
    except KeyboardInterrupt:
        raise StoppedEarly(joined(parts) if parts else None) from None
    return joined(parts)


def _chunk_size(replications: int, workers: int, chunks: int) -> int:
    return max(1, ceil(replications / (ceil(chunks / workers) * workers)))


def _in_order(runner: Runner, chunks: list[tuple[int, int]], workers: int, processes: bool) -> Iterator[Tallies]:
    calls = [partial(runner, first_replication=start, replications=count) for start, count in chunks]
    if workers == 1 or len(calls) == 1:
        for call in calls:
            yield call()
        return
    with _pool(workers, processes) as pool:
        waiting: list[Future[Tallies]] = [pool.submit(call) for call in calls]
        for one in waiting:
            yield one.result()


@contextmanager
def _pool(workers: int, processes: bool) -> Iterator[Executor]:
    """Workers that are let go without beginning anything new once an error (or Ctrl-C) ends the block."""
    pool = _processes(workers) if processes else ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _can_be_sent(runner: Runner) -> bool:
    """Whether another process can import everything the runner needs."""
    try:
        return b"__main__" not in pickle.dumps(runner)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False


def _processes(workers: int) -> Executor:
    from multiprocessing import get_context

    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def text_bar(done: int, total: int, seconds_left: float, *, width: int = 30) -> None:
    """Progress as a line of text that is written over, in terminals and notebooks."""
    filled = width * done // total
    line = f"\r{'█' * filled}{'·' * (width - filled)} {done:,} of {total:,} replications, {_lasting(seconds_left)} left"
    print(line, end="\n" if done == total else "", flush=True)


def _lasting(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
