"""A new SKU borrows a history from the SKUs that the planner likens it to, until its own says enough."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import date
from math import gcd
from typing import Any

import numpy as np
import pandas as pd

ENOUGH_DAYS = 91
"""Days since its first sale after which a SKU stands on its own history."""
TURNS = 12
"""Weights of analogues count in so many parts of the whole, at least one each."""

_HISTORY = ["ds", "y", "in_stock"]
_COLUMNS = ["sku_id", "location_id", *_HISTORY]


def likened(
    demand: pd.DataFrame, analogues: pd.DataFrame, *, of: pd.DataFrame, points: pd.DataFrame, as_of: date
) -> tuple[pd.DataFrame, dict[int, str]]:
    """Daily demand in which new SKUs have a history before their first sale: that of their analogues.

    The analogues take turns day by day, as often as their weights say, each brought to the weighted mean of their
    levels and to how the new SKU has sold beside them so far (`forecasting.analogues`). Units are made whole; what a
    day leaves over is carried to the next. A day on which the one in turn was sold out is unknown. After `ENOUGH_DAYS`
    since its first sale a SKU stands on its own.

    Args:
        demand: sku_id, location_id, ds, y and in_stock, one row per SKU, place and day.
        analogues: As `demand_input_frames.analogues` gives them.
        of: The same columns, from which the analogues' histories at the same place are taken.
        points: Where SKUs are planned: sku_id, sku, location_id.
        as_of: The last day known.

    Returns:
        The same columns, and what is to be told at each point (its position) that borrows a history or should.
    """
    words: dict[int, str] = {}
    if analogues.empty:
        return demand, words
    names = dict(zip(points["sku_id"].tolist(), points["sku"].tolist(), strict=True))
    last = np.datetime64(as_of, "D")
    own = _histories(demand[demand["sku_id"].isin(analogues["sku_id"])])
    lent = _histories(of[of["sku_id"].isin(analogues["analogue_sku_id"])])
    by_sku = {int(sku_id): rows for sku_id, rows in analogues.groupby("sku_id")}
    added, first_sales = [], {}
    keys = zip(points["sku_id"].tolist(), points["location_id"].tolist(), strict=True)
    for position, (sku_id, location_id) in enumerate(keys):
        like = by_sku.get(sku_id)
        history = _since_first_sale(own.get((sku_id, location_id)))
        first = last + 1 if history is None else _first_day(history)
        if like is None or (last - first).astype(int) + 1 >= ENOUGH_DAYS:
            continue
        alike = _repeated(like, lent, location_id)
        if not alike:
            words[position] = f"to be planned like {_shares(like, names)}: nothing is known of that here"
            continue
        units, scale = _borrowed(history, alike, last)
        days = (first - np.arange(len(units), 0, -1)).astype("datetime64[s]")
        borrowed = pd.DataFrame({"ds": days, "y": _whole(units), "in_stock": ~np.isnan(units)})
        added.append(borrowed.assign(sku_id=sku_id, location_id=location_id)[_COLUMNS])
        first_sales[sku_id, location_id] = first
        words[position] = _words(like, names, scale, None if history is None else first)
    if not added:
        return demand, words
    told = pd.concat([_without_empty_shelves(demand[_COLUMNS], first_sales), *added], ignore_index=True)
    return told.astype({"in_stock": bool}), words


def _histories(demand: pd.DataFrame) -> dict[tuple[int, int], pd.DataFrame]:
    groups = demand.groupby(["sku_id", "location_id"])
    return {(int(key[0]), int(key[1])): one[_HISTORY] for key, one in groups}


def _since_first_sale(history: pd.DataFrame | None) -> pd.DataFrame | None:
    if history is None or not (history["y"] > 0).any():
        return None
    return history[history["ds"] >= history.loc[history["y"] > 0, "ds"].min()]


def _first_day(history: pd.DataFrame) -> Any:
    return history["ds"].min().to_datetime64().astype("datetime64[D]")


def _without_empty_shelves(demand: pd.DataFrame, first_sales: dict[tuple[int, int], Any]) -> pd.DataFrame:
    """Without the new SKUs' own rows before their first sale: that their shelf was empty then says nothing."""
    keys = pd.MultiIndex.from_frame(demand[["sku_id", "location_id"]])
    first = pd.Series(first_sales).astype("datetime64[s]").reindex(keys).to_numpy()
    return demand[~(demand["ds"].to_numpy() < first)]


def _repeated(like: pd.DataFrame, lent: dict[tuple[int, int], pd.DataFrame], location_id: int) -> list[pd.DataFrame]:
    """Histories of the analogues at that place, each as often as its weight says."""
    found = [
        (max(round(float(one.weight) * TURNS), 1), lent[int(one.analogue_sku_id), location_id])
        for one in like.itertuples()
        if (int(one.analogue_sku_id), location_id) in lent
    ]
    whole = gcd(*(times for times, _ in found)) if found else 1
    return [history for times, history in found for _ in range(times // whole)]


def _borrowed(own: pd.DataFrame | None, alike: list[pd.DataFrame], last: Any) -> tuple[Any, float]:
    """Units of the days before the new SKU's first sale (NaN = unknown), and what the analogues' were multiplied by."""
    from forecasting.analogues import launch_demand, with_analogues
    from forecasting.panel import Panel

    series = [np.zeros(0) if own is None else _daily(own, last), *(_daily(one, last) for one in alike)]
    offsets = np.cumsum([0, *(len(one) for one in series)])
    panel = Panel(tuple(range(len(series))), np.concatenate(series), offsets)
    others: dict[Hashable, Sequence[Hashable]] = {0: range(1, len(series))}
    longest = max(len(one) for one in series[1:])
    led = with_analogues(panel, others, periods=max(longest - len(series[0]), 1))
    return led.values[: led.offsets[1] - len(series[0])], float(launch_demand(panel, others, horizon=1).scale[0])


def _daily(history: pd.DataFrame, last: Any) -> Any:
    """Units of every day from the first to the last one, NaN where there was nothing to sell."""
    first = _first_day(history)
    units = np.zeros((last - first).astype(int) + 1)
    at = (history["ds"].to_numpy().astype("datetime64[D]") - first).astype(int)
    units[at] = np.where(history["in_stock"].to_numpy(dtype=bool), history["y"].to_numpy(dtype=np.float64), np.nan)
    return units


def _whole(units: Any) -> Any:
    return np.diff(np.floor(np.cumsum(np.nan_to_num(units)) + 0.5), prepend=0.0)


def _words(like: pd.DataFrame, names: dict[int, str], scale: float, first: Any) -> str:
    times = "" if f"{scale:.2f}" == "1.00" else f" times {scale:.2f}"
    when = "as nothing was sold yet"
    if first is not None:
        day = pd.Timestamp(first)
        when = f"for the time before its first sale on {day.day} {day:%b %Y}"
    return f"planned like {_shares(like, names)}: their demand{times} counts here {when}"


def _shares(like: pd.DataFrame, names: dict[int, str]) -> str:
    return " and ".join(
        f"{one.weight:.0%} {names[int(one.analogue_sku_id)]}" if len(like) > 1 else names[int(one.analogue_sku_id)]
        for one in like.itertuples()
        if int(one.analogue_sku_id) in names
    )
