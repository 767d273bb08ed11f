"""One-off bulk orders, told from the ordinary lumps of demand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from forecasting.compiled import inline, kernel
from forecasting.panel import BoolArray, FloatArray, IntArray, Panel

LEAST_TIMES = 5.0
"""A one-off is at least this many times the largest ordinary demand of a period."""

FALSE_ALARM = 1e-3
"""Chance that a series without one-offs shows such a gap."""

MOST_ONE_OFFS = 3
"""Above so many in a series, or a twentieth of its periods with demand, they are its custom."""

_LEAST_SPACINGS, _MOST_SPACINGS = 3, 50
_LEAST_SPACING = 0.1
_SHIFTS = (0.0, 1.0, 4.0, 16.0)
"""Of the sizes before their logarithm is taken, as multiples of where the tail begins: the larger, the lighter."""
_HEAVIEST_TAIL = 0.8
"""Belief, before the sizes are seen, in the tail without a shift; the other tails share the rest."""


@dataclass(frozen=True)
class BulkOrders:
    """One-off demand, period by period.

    Attributes:
        flagged: Periods held to be one-offs, shaped like the panel's values.
        capped: The values with one-offs cut to the largest ordinary demand of the series, shaped like values.
        positions: Where in values the flagged periods are, shape (flagged,).
        times: Flagged demand over the largest ordinary one, shape (flagged,); inf if there is none.
        chance: That a tail as heavy as the series' own shows so wide a gap, shape (flagged,); 0 if a person said so.
        why: In words, one per flagged period.
    """

    flagged: BoolArray
    capped: FloatArray
    positions: IntArray
    times: FloatArray
    chance: FloatArray
    why: tuple[str, ...]


def bulk_orders(panel: Panel, *, accepted: ArrayLike | None = None, rejected: ArrayLike | None = None) -> BulkOrders:
    """Periods whose demand stands apart from all else the series has seen.

    Only the few largest demands of a series are in question. They are one-offs if the smallest of them is at least
    `LEAST_TIMES` the largest other one, and if that gap is too wide for the series' own tail: in its upper fifth,
    the logarithms of an intermittent or lumpy item's sizes are taken as falling off exponentially (a Pareto tail, wider
    than that of any usual demand law), whose spacings, each times its rank, are alike and independent (Rényi); a gap
    that stands out from the m spacings below it has the chance (1 + gap / sum of spacings)^−m. A Pareto tail fits the
    small sizes of a light one well and foretells far too much beyond them, so it is one of four: the others are those
    of logarithms of sizes with something added, the last nearly exponential. Their chances are averaged by how likely
    each makes the sizes below the gap (for every tail with its spread unknown), and the mean must be below
    `FALSE_ALARM`. So nothing is flagged in a series with fewer than five periods of demand, and the fewer there are,
    the wider the gap must be. A new level is not a one-off: more than `MOST_ONE_OFFS` are ordinary.

    Args:
        panel: Units demanded.
        accepted: Periods that a person knows to be ordinary demand, booleans shaped like values; never flagged.
        rejected: Periods that a person knows to be one-offs; always flagged, and no measure of the others.

    Raises:
        ValueError: A mask is not shaped like the values, a period is both accepted and rejected, or an unknown period
            is rejected.

    Source: Rényi (1953), "On the theory of order statistics", Acta Mathematica Hungarica 4, for the spacings.
    """
    ordinary, one_off = _mask(panel, accepted, "accepted"), _mask(panel, rejected, "rejected")
    _refuse(panel, ordinary & one_off, "a period must not be both accepted and rejected, got both")
    _refuse(panel, one_off & np.isnan(panel.values), "a rejected period must have a known demand, got NaN")
    flagged, largest, chance = np.zeros(len(panel.values), np.bool_), np.zeros(len(panel.ids)), np.ones(len(panel.ids))
    _flag(panel.values, panel.offsets, ordinary, one_off, flagged, largest, chance)
    positions = np.flatnonzero(flagged)
    series = np.searchsorted(panel.offsets, positions, side="right") - 1
    usual, units = largest[series], panel.values[positions]
    capped = panel.values.copy()
    capped[positions] = np.minimum(units, usual)
    by_person = one_off[positions]
    chances = np.where(by_person, 0.0, chance[series])
    times = np.divide(units, usual, out=np.full(len(units), np.inf), where=usual > 0)
    periods = np.add.reduceat(np.append(panel.values > 0, False), panel.offsets[:-1]) if len(panel.ids) else np.zeros(0)
    return BulkOrders(
        flagged=flagged,
        capped=capped,
        positions=positions,
        times=times,
        chance=chances,
        why=tuple(_why(*one) for one in zip(units, usual, times, chances, periods[series], by_person, strict=True)),
    )


def _mask(panel: Panel, mask: ArrayLike | None, name: str) -> BoolArray:
    if mask is None:
        return np.zeros(len(panel.values), np.bool_)
    given = np.asarray(mask)
    if given.shape != panel.values.shape or given.dtype != np.bool_:
        raise ValueError(
            f"{name} must be booleans shaped like the panel's values {panel.values.shape}, "
            f"got {given.dtype} of shape {given.shape}"
        )
    return given


def _refuse(panel: Panel, refused: BoolArray, what: str) -> None:
    if refused.any():
        first = int(np.flatnonzero(refused)[0])
        series = int(np.searchsorted(panel.offsets, first, side="right")) - 1
        raise ValueError(f"{what} for {panel.ids[series]!r} in its period {first - panel.offsets[series]}")


def _why(units: float, usual: float, times: float, chance: float, periods: int, by_person: bool) -> str:
    if by_person:
        return f"{_units(units)} was marked as a one-off by hand"
    return (
        f"{_units(units)} is {times:,.0f} times the largest other demand, {_units(usual)}, of {periods:,} periods with "
        f"demand: by the spread of these one series in {_round_number(1 / max(chance, 1e-9))} would show such a gap"
    )


def _units(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.4g}"


def _round_number(value: float) -> str:
    return f"{value:,.0f}" if value < 1e4 else f"{10.0 ** math.floor(math.log10(value)):,.0f} or more"


@inline
def _chance_of_gap(ordered: FloatArray, top: int, spacings: int) -> float:
    """Chance of so wide a gap below the `top` largest demands, by the spacings that follow it.

    With the spread of a tail unknown (and any of its logarithms alike), m spacings of sum S weigh S^−m; the sizes
    themselves, of which the logarithm is taken, divide that.
    """
    begin = ordered[top + spacings]
    evidence, chances = np.empty(len(_SHIFTS)), np.empty(len(_SHIFTS))
    for tail in range(len(_SHIFTS)):
        shift = begin * _SHIFTS[tail]
        total, sizes = 0.0, 0.0
        for rank in range(top + 1, top + spacings + 1):
            total += rank * math.log((ordered[rank - 1] + shift) / (ordered[rank] + shift))
            sizes += math.log((ordered[rank - 1] + shift) / begin)
        total = max(total, _LEAST_SPACING * spacings / (1.0 + _SHIFTS[tail]))
        gap = top * math.log((ordered[top - 1] + shift) / (ordered[top] + shift))
        belief = _HEAVIEST_TAIL if tail == 0 else (1.0 - _HEAVIEST_TAIL) / (len(_SHIFTS) - 1)
        evidence[tail] = math.log(belief) - spacings * math.log(total) - sizes
        chances[tail] = (1.0 + gap / total) ** (-spacings)
    weights = np.exp(evidence - evidence.max())
    return float(np.sum(weights * chances) / np.sum(weights))


@inline
def _one_offs(ordered: FloatArray) -> tuple[int, float]:
    """How many of the demands, largest first, stand apart from the rest; and the chance of their gap."""
    n = len(ordered)
    count, least = 0, 1.0
    for top in range(1, min(MOST_ONE_OFFS, max(n // 20, 1)) + 1):
        spacings = min((n - top) // 5, _MOST_SPACINGS)
        if spacings < _LEAST_SPACINGS:
            spacings = min(_LEAST_SPACINGS, n - top - 1)
        if spacings < _LEAST_SPACINGS or ordered[top - 1] < LEAST_TIMES * ordered[top]:
            continue
        chance = _chance_of_gap(ordered, top, spacings)
        if chance < FALSE_ALARM / MOST_ONE_OFFS:
            count, least = top, chance
    return count, least


@kernel
def _flag(
    values: FloatArray,
    offsets: IntArray,
    ordinary: BoolArray,
    rejected: BoolArray,
    flagged: BoolArray,
    largest: FloatArray,
    chance: FloatArray,
) -> None:
    """Write the flags, and per series the largest demand that is not flagged and the chance of the gap above it."""
    for series in range(len(offsets) - 1):
        first, last = offsets[series], offsets[series + 1]
        size = np.empty(last - first)
        number, known_ordinary = 0, 0.0
        for t in range(first, last):
            if values[t] > 0 and not rejected[t]:
                size[number] = -values[t]
                number += 1
                if ordinary[t] and values[t] > known_ordinary:
                    known_ordinary = values[t]
        ordered = -np.sort(size[:number])
        count, chance[series] = _one_offs(ordered)
        if count > 0 and known_ordinary >= ordered[count - 1]:
            count = 0
        largest[series] = ordered[count] if count < number else 0.0
        for t in range(first, last):
            flagged[t] = rejected[t] or (count > 0 and values[t] >= ordered[count - 1])
