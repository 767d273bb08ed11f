"""What every benchmark shares: its two flags, alternating runs, and claims that say whether they held.

Ours and the peer run in turn within one process, so that a busy machine slows both alike, and what is printed is
the median with the fastest and slowest run beside it. A claim with a peer promises something of ours ÷ peer, one
without a peer of ours alone. Nothing here is a test: how fast a machine is, only a run can say.
"""

from __future__ import annotations

import argparse
import json
import operator
import os
import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))  # before this folder, in which forecasting.py is a script and not the package
_COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@dataclass(frozen=True)
class Figure:
    """A median with the least and the greatest of the values it is of."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        return cls(median(values), min(values), max(values))

    @classmethod
    def exactly(cls, value: float) -> Figure:
        """A value that no repetition changes."""
        return cls(value, value, value)

    def per_second(self, units: float) -> Figure:
        """Units per second, where the figure is of seconds."""
        return Figure(units / self.median, units / self.most, units / self.least)

    def __str__(self) -> str:
        spread = "" if self.least == self.most else f" ({self.least:,.6g} to {self.most:,.6g})"
        return f"{self.median:,.6g}{spread}"


@dataclass(frozen=True)
class Claim:
    """What was promised and what this run found.

    Attributes:
        claim: What is claimed, in words.
        ours: Our figure.
        peer: The peer's or the limit's in the same run, if there is one.
        unit: Of both.
        wanted: Such as ">= 0.5": of ours ÷ peer, or of ours where there is no peer. None promises nothing.
        n: Size of the work: lines, series, SKUs.
    """

    claim: str
    ours: Figure
    peer: Figure | None
    unit: str
    wanted: str | None
    n: int

    @property
    def ratio(self) -> float | None:
        """Ours ÷ peer."""
        return None if self.peer is None else self.ours.median / self.peer.median

    @property
    def holds(self) -> bool | None:
        """Whether this run kept what is wanted."""
        if self.wanted is None:
            return None
        comparison, bound = self.wanted.split()
        reached = self.ours.median if self.ratio is None else self.ratio
        return bool(_COMPARISONS[comparison](reached, float(bound)))

    def as_dict(self) -> dict[str, Any]:
        row = asdict(self) | {"ours": self.ours.median, "peer": self.peer and self.peer.median}
        return row | {"ratio": self.ratio, "holds": self.holds}

    def __str__(self) -> str:
        peer = "" if self.peer is None else f"; peer {self.peer}; ratio {self.ratio:.4g}"
        kept = "" if self.wanted is None else f"; wanted {self.wanted}: {'held' if self.holds else 'NOT HELD'}"
        return f"{self.claim} (n = {self.n:,}): {self.ours} {self.unit}{peer}{kept}"


def run(description: str, benchmark: Callable[[bool], list[Claim]]) -> None:
    """Entry of a script: reads --quick and --json, runs the benchmark and prints its claims.

    Args:
        description: What is measured, for --help.
        benchmark: Takes whether to be quick (under a minute).
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="smaller work and fewer rounds: under 60 s")
    parser.add_argument("--json", action="store_true", help="print the claims as a list of objects")
    options = parser.parse_args()
    claims = benchmark(options.quick)
    if options.json:
        print(json.dumps([claim.as_dict() for claim in claims], indent=1))
    else:
        for claim in claims:
            print(claim)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes once."""
    started = perf_counter()
    work()
    return perf_counter() - started


def alternately(ours: Callable[[], object], peer: Callable[[], object], *, rounds: int) -> tuple[Figure, Figure]:
    """Seconds of both, run in turn."""
    pairs = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    return Figure.of([own for own, _ in pairs]), Figure.of([other for _, other in pairs])


def real_file(name: str) -> Path | None:
    """A public data set, where it is kept on this machine."""
    shared = Path(os.environ.get("STOCKWRIGHT_SHARED") or REPOSITORY.parent / "shared")
    path = shared / "data" / name
    return path if path.is_file() else None


def peak_memory() -> float:
    """GiB that this process had in memory at most, not counting, as rusage does, what started it."""
    status = Path("/proc/self/status")
    if status.is_file():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
