"""Many series worked through a few thousand at a time, by one worker or several, always with the same result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

SERIES = 2_000
"""Series in a chunk: enough to keep a worker busy, few enough for their states to fit in memory."""


def chunks_of(series: int) -> list[slice]:
    """The series' numbers, cut into runs of `SERIES`; one, empty, where there are none."""
    size = SERIES
    return [slice(start, min(start + size, series)) for start in range(0, max(series, 1), size)]


def side_by_side(work: Callable[[slice], Result], parts: Sequence[slice], *, threads: int) -> list[Result]:
    """The work's result for each part, in their order.

    Raises:
        ValueError: fewer than one thread.
    """
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    if threads == 1 or len(parts) == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(max_workers=threads) as workers:
        return list(workers.map(work, parts))
