"""Long frames become panels: unique_id, ds, y as the ecosystem writes them, however they are sorted or named."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecasting.panel import MOST_PERIODS, FloatArray, IntArray, Panel
from forecasting.period import Labels, Period, inferred_period

Missing = Literal["zero", "unknown"]


def panel_from_frame(
    demand: pd.DataFrame,
    *,
    keys: str | Sequence[str] = "unique_id",
    ds: str = "ds",
    y: str = "y",
    columns: Sequence[str] = (),
    in_stock: Any = None,
    period: str | Period | None = None,
    missing: Missing = "zero",
    as_of: date | int | None = None,
) -> Panel:
    """A panel from a long frame, one row per series and period.

    Args:
        demand: Rows in any order.
        keys: Column of the series, or several (SKU and location), which then make tuples.
        ds: Column of the period's label: dates or moments without time zone (texts as 2026-03-29), or whole numbers.
        y: Column of units demanded, finite and not negative.
        columns: Further columns to carry along (price, promotion, …); a period without a row has NaN there.
        in_stock: Share of each row's period in stock, or whether it was: a column's name or one value per row. By
            default the column in_stock where there is one. A period without a row counts as in stock.
        period: What a period is, such as "W" or "MS"; inferred from the rows by default.
        missing: What a period without a row is: nothing demanded, or unknown.
        as_of: Last period that counts, for all series, or a moment in the one after it; by default each series ends
            with its last row.

    Returns:
        Series sorted by key, from the first row of each to its end.

    Raises:
        ValueError: naming the column, the series and what is wrong: missing column, missing key, NaN, infinite or
            negative demand, a share in stock outside [0, 1], two rows for a period, a time zone, rows off the
            period's grid, mixed periods, a series that spans more than a million periods.
    """
    names = [keys] if isinstance(keys, str) else list(keys)
    if not isinstance(demand, pd.DataFrame):
        raise ValueError(f"demand must be a frame of one row per series and period, got {type(demand).__name__}")
    for name in (*names, ds, y, *columns):
        if list(demand.columns).count(name) != 1:
            raise ValueError(f"demand must have one column {name}, got {', '.join(map(str, demand.columns))}")
    if missing not in ("zero", "unknown"):
        raise ValueError(f"missing must be zero or unknown, got {missing!r}")
    code, ids = series_of_rows(demand, names)
    moments = _moments(demand[ds], ds, ids, code)
    units = _units(demand, y, ids, code, moments)
    carried = {name: _numbers(demand[name], name) for name in columns}
    stock = _in_stock(demand, in_stock, ids, code)
    if stock is not None:
        carried["in_stock"] = stock
    order = np.lexsort((moments, code))
    code, moments, units = code[order], moments[order], units[order]
    carried = {name: column[order] for name, column in carried.items()}
    if as_of is not None:
        last_label = _label(as_of, moments)
        kept = moments <= last_label
        code, moments, units = code[kept], moments[kept], units[kept]
        carried = {name: column[kept] for name, column in carried.items()}
    _refuse_repeats(code, moments, ids)
    spacing = _period(period, code, moments, ids)
    return _laid_out(ids, code, moments, units, carried, spacing, missing, as_of)


def series_of_rows(demand: pd.DataFrame, names: list[str]) -> tuple[IntArray, tuple[Hashable, ...]]:
    for name in names:
        if demand[name].isna().any():
            raise ValueError(f"{name} must be given in every row, got a missing one")
    if len(names) == 1:
        code, unique = pd.factorize(demand[names[0]], sort=True)
        return code.astype(np.int64), tuple(unique.tolist())
    code = np.zeros(len(demand), dtype=np.int64)
    ids: list[tuple[Hashable, ...]] = [()]
    for name in names:
        finer, unique = pd.factorize(demand[name], sort=True)
        found, code = np.unique(code * len(unique) + finer, return_inverse=True)
        last = unique.tolist()
        ids = [(*ids[pair // len(last)], last[pair % len(last)]) for pair in found.tolist()]
    return code.astype(np.int64), tuple(ids)


def _moments(column: pd.Series[Any], name: str, ids: tuple[Hashable, ...], code: IntArray) -> Labels:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        raise ValueError(f"{name} must be without time zone (periods of the business), got {column.dtype}")
    if pd.api.types.is_integer_dtype(column.dtype):
        if column.isna().any():
            raise ValueError(f"{name} of {ids[code[column.isna().argmax()]]!r} must be given in every row")
        numbers: Labels = column.to_numpy(dtype=np.int64)
        return numbers
    if pd.api.types.is_numeric_dtype(column.dtype) and len(column):
        raise ValueError(f"{name} must be dates or whole numbers, got {column.dtype}")
    if pd.api.types.is_datetime64_dtype(column.dtype):
        moments: Labels = column.to_numpy()
    else:
        try:
            parsed = pd.to_datetime(column, format="ISO8601")
        except (ValueError, TypeError) as error:
            raise ValueError(f"{name} must be dates or whole numbers, got {column.dtype}: {error}") from None
        if isinstance(parsed.dtype, pd.DatetimeTZDtype):
            raise ValueError(f"{name} must be without time zone (periods of the business), got {parsed.dtype}")
        moments = parsed.to_numpy()
    if np.isnat(moments).any():
        first = int(np.flatnonzero(np.isnat(moments))[0])
        raise ValueError(f"{name} of {ids[code[first]]!r} must be given in every row, got a missing one")
    whole: Labels = moments.astype("datetime64[s]")
    if (whole != moments).any():
        first = int(np.flatnonzero(whole != moments)[0])
        raise ValueError(f"{name} of {ids[code[first]]!r} must be whole seconds, got {moments[first]}")
    return whole


def _units(demand: pd.DataFrame, y: str, ids: tuple[Hashable, ...], code: IntArray, moments: Labels) -> FloatArray:
    units = _numbers(demand[y], f"demand {y}")
    refused = ~np.isfinite(units) | (units < 0)
    if refused.any():
        first = int(np.flatnonzero(refused)[0])
        raise ValueError(
            f"demand {y} of {ids[code[first]]!r} must be finite and not negative,"
            f" got {units[first]} at {moments[first]}"
        )
    return units


def _numbers(column: pd.Series[Any], name: str) -> FloatArray:
    try:
        numbers: FloatArray = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        raise ValueError(f"{name} must be numbers, got {column.dtype}") from None
    return numbers


def _in_stock(demand: pd.DataFrame, given: Any, ids: tuple[Hashable, ...], code: IntArray) -> FloatArray | None:
    if given is None:
        if "in_stock" not in demand.columns:
            return None
        given = "in_stock"
    if isinstance(given, str):
        if given not in demand.columns:
            raise ValueError(f"in_stock must name a column of demand, got {given!r}")
        given = demand[given]
    share = _numbers(pd.Series(given), "in_stock")
    if share.shape != (len(demand),):
        raise ValueError(f"in_stock must have one value per row of demand ({len(demand)}), got shape {share.shape}")
    refused = ~((share >= 0) & (share <= 1))
    if refused.any():
        first = int(np.flatnonzero(refused)[0])
        raise ValueError(f"in_stock of {ids[code[first]]!r} must lie between 0 and 1, got {share[first]}")
    return share


def _label(as_of: date | int, moments: Labels) -> Any:
    is_number = moments.dtype.kind != "M"
    if getattr(as_of, "tzinfo", None) is not None:
        raise ValueError(f"as_of must be without time zone (a period of the business), got {as_of}")
    if is_number != isinstance(as_of, int | np.integer) or pd.isna(as_of):
        raise ValueError(f"as_of must be of the kind of ds, got {as_of!r}")
    return as_of if is_number else np.datetime64(as_of, "s")


def _refuse_repeats(code: IntArray, moments: Labels, ids: tuple[Hashable, ...]) -> None:
    repeated = (code[1:] == code[:-1]) & (moments[1:] == moments[:-1])
    if repeated.any():
        first = int(np.flatnonzero(repeated)[0])
        raise ValueError(
            f"a series must have one row per period, got several for {ids[code[first]]!r} at {moments[first]}"
        )


def _period(period: str | Period | None, code: IntArray, moments: Labels, ids: tuple[Hashable, ...]) -> Period:
    if isinstance(period, Period):
        return period
    if isinstance(period, str) and moments.dtype.kind == "M":
        return Period.named(period)
    return inferred_period(code, moments, ids)


def _ends(series: int, code: IntArray, moments: Labels, period: Period, as_of: date | int | None) -> Labels:
    """Label of each series' last period, on the grid of its own rows: that of its last row, or the last up to as_of."""
    rows = np.bincount(code, minlength=series)
    last = moments[(np.cumsum(rows) - 1)[rows > 0]]
    if as_of is None:
        return last
    last_label = _label(as_of, moments)
    ends = np.full(series, last_label, dtype=moments.dtype)
    steps, _ = period.between(last, np.full_like(last, last_label))
    steps = np.where(period.after(last, steps) > last_label, steps - 1, steps)
    ends[rows > 0] = period.after(last, np.maximum(steps, 0))
    return ends


def _laid_out(
    ids: tuple[Hashable, ...],
    code: IntArray,
    moments: Labels,
    units: FloatArray,
    carried: Mapping[str, FloatArray],
    period: Period,
    missing: Missing,
    as_of: date | int | None,
) -> Panel:
    """Rows, sorted by series and time, put at their places in the panel."""
    ends = _ends(len(ids), code, moments, period, as_of)
    back, on_grid = period.between(moments, ends[code])
    if not on_grid.all():
        first = int(np.flatnonzero(~on_grid)[0])
        raise ValueError(
            f"ds of {ids[code[first]]!r} must lie whole periods ({period}) before its last, got {moments[first]}"
        )
    lengths = np.zeros(len(ids), dtype=np.int64)
    np.maximum.at(lengths, code, back + 1)
    if len(lengths) and lengths.max() > MOST_PERIODS:
        longest = int(np.argmax(lengths))
        raise ValueError(f"{ids[longest]!r} must span at most {MOST_PERIODS:,} periods, got {lengths[longest]:,}")
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    places = offsets[code + 1] - 1 - back
    if len(places) and (np.diff(places) == 0).any():
        first = int(np.flatnonzero(np.diff(places) == 0)[0])
        raise ValueError(
            f"a series must have one row per period ({period}), got several for {ids[code[first]]!r} up to"
            f" {moments[first + 1]}"
        )
    values = np.full(int(offsets[-1]), 0.0 if missing == "zero" else np.nan)
    values[places] = units
    columns = {}
    for name, column in carried.items():
        columns[name] = np.full(len(values), 1.0 if name == "in_stock" else np.nan)
        columns[name][places] = column
    return Panel(ids, values, offsets, columns, ends, period)
