"""Forecasts of items, categories, places and the total made to add up."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.linalg import splu

from forecasting.panel import BoolArray, FloatArray, IntArray

TOTAL = "total"
LEAST_SHRINKAGE = 1e-4
LEAST_RELATIVE_VARIANCE = 1e-8


@dataclass(frozen=True)
class Hierarchy:
    """Which bottom series each aggregate sums.

    Attributes:
        aggregate_ids: Name of each aggregate: `total`, `category=tools`, `category=tools, location=EAST` …
        bottom_ids: unique_id of each bottom series.
        summing: 1 where the aggregate (row) holds the bottom series (column), sparse, shape (aggregate, bottom).
    """

    aggregate_ids: tuple[str, ...]
    bottom_ids: tuple[Hashable, ...]
    summing: sparse.csr_array

    @staticmethod
    def from_frame(keys: pd.DataFrame, *, levels: Sequence[Sequence[str]] | None = None) -> "Hierarchy":
        """Aggregates over the values of key columns, alone or crossed.

        Args:
            keys: One row per bottom series: unique_id and key columns such as item, category, location.
            levels: Key columns of each level of aggregates; an empty list is the total. If not given: the total
                and each key column alone.

        Raises:
            ValueError: No unique_id, one twice, no row, a level that is not a key column, or a missing key.
        """
        if "unique_id" not in keys.columns:
            raise ValueError(f"keys must have a column unique_id, got {', '.join(map(str, keys.columns))}")
        if keys.empty:
            raise ValueError("keys must hold at least one bottom series, got none")
        repeated = keys["unique_id"].duplicated()
        if repeated.any():
            raise ValueError(f"unique_id must be given once, got {keys['unique_id'][repeated].iloc[0]!r} again")
        alone = [[name] for name in keys.columns if name != "unique_id"]
        names: list[str] = []
        blocks = []
        for level in [[], *alone] if levels is None else levels:
            labels, code = _grouped(keys, level)
            names += labels
            shape = (len(labels), len(keys))
            blocks.append(sparse.csr_array((np.ones(len(keys)), (code, np.arange(len(keys)))), shape=shape))
        summing = sparse.csr_array(sparse.vstack(blocks)) if blocks else sparse.csr_array((0, len(keys)))
        return Hierarchy(tuple(names), tuple(keys["unique_id"].tolist()), summing)

    @property
    def ids(self) -> tuple[Hashable, ...]:
        """Every node, aggregates first: the order of all arrays with an axis of nodes."""
        return self.aggregate_ids + self.bottom_ids

    def sums(self, bottom: FloatArray) -> FloatArray:
        """Values of all nodes, shape (node, …), from those of the bottom series, shape (bottom, …)."""
        if not len(bottom) == len(self.bottom_ids):
            raise ValueError(f"bottom must have {len(self.bottom_ids)} rows, got shape {bottom.shape}")
        return np.concatenate((self.summing @ bottom, bottom))


def bottom_up(bottom: FloatArray, hierarchy: Hierarchy) -> FloatArray:
    """Bottom forecasts added up.

    Args:
        bottom: Units, shape (bottom,) or (bottom, horizon).

    Returns:
        Units, shape (node,) or (node, horizon).

    Raises:
        ValueError: The wrong number of rows, NaN or infinite.
    """
    return hierarchy.sums(_finite(bottom, "bottom"))


def top_down(total: FloatArray, hierarchy: Hierarchy, *, shares: FloatArray) -> FloatArray:
    """A forecast of the total handed out by fixed shares, for instance `historical_shares`.

    Args:
        total: Units, shape () or (horizon,).
        shares: Of the total, not negative, sum 1, shape (bottom,).

    Returns:
        Units, shape (node,) or (node, horizon).

    Raises:
        ValueError: Shares of the wrong shape, negative, or not adding up to 1.
    """
    if shares.shape != (len(hierarchy.bottom_ids),):
        raise ValueError(f"shares must have shape ({len(hierarchy.bottom_ids)},), got {shares.shape}")
    if not ((shares >= 0).all() and abs(shares.sum() - 1.0) < 1e-9):
        raise ValueError(f"shares must not be negative and add up to 1, got sum {shares.sum()}")
    return hierarchy.sums(np.multiply.outer(shares, _finite(total, "total")))


def historical_shares(bottom: FloatArray) -> FloatArray:
    """Each bottom series' mean over the sum of all means; equal shares where nothing was demanded.

    Args:
        bottom: Histories, units, shape (bottom, period), NaN = unknown.

    Source: "proportions of averages", Gross & Sohl (1990), Journal of Forecasting 9(3).
    """
    known = (~np.isnan(bottom)).sum(axis=1)
    mean = np.nansum(bottom, axis=1) / np.maximum(known, 1)
    total = mean.sum()
    return np.asarray(mean / total if total > 0 else np.full(len(mean), 1.0 / max(len(mean), 1)))


def minimum_trace(base: FloatArray, hierarchy: Hierarchy, *, residuals: FloatArray) -> FloatArray:
    """Base forecasts of all nodes made coherent with the least total error variance (MinT).

    With C = (I, −summing), whose product with coherent forecasts is 0, the result is y − W·Cᵀ·(C·W·Cᵀ)⁻¹·C·y,
    which equals S·(Sᵀ·W⁻¹·S)⁻¹·Sᵀ·W⁻¹·y but solves one equation per aggregate, not per series. W is the covariance
    of one-step residuals, its correlations shrunk towards 0 by `shrinkage`; kept as a diagonal and a product of
    residuals, so that no matrix of node × node is formed. Unknown residuals tell of no correlation. A node without
    any residual is given the bottom series' mean variance times the number of them it sums.

    Unbiased base forecasts stay unbiased, up to bottom forecasts below 0, which are set to 0 before adding up.

    Args:
        base: Forecast of each node made on its own, aggregates first as in `hierarchy.ids`, shape (node,) or
            (node, horizon).
        residuals: One-step errors in the past, shape (node, period), NaN = unknown.

    Returns:
        Units, not negative, shaped like base.

    Raises:
        ValueError: A shape that does not fit, NaN or infinite base forecasts, infinite residuals.

    Source: Wickramasuriya, Athanasopoulos & Hyndman (2019), Journal of the American Statistical Association
        114(526); the shrinkage of Schäfer & Strimmer (2005), Statistical Applications in Genetics and Molecular
        Biology 4(1).
    """
    forecasts = _finite(base, "base")
    nodes, aggregates = len(hierarchy.ids), len(hierarchy.aggregate_ids)
    if len(forecasts) != nodes:
        raise ValueError(f"base must have {nodes} rows (aggregates, then bottom series), got shape {forecasts.shape}")
    if residuals.ndim != 2 or len(residuals) != nodes:
        raise ValueError(f"residuals must have shape ({nodes}, period), got {residuals.shape}")
    if np.isinf(residuals).any():
        series = int(np.flatnonzero(np.isinf(residuals).any(axis=1))[0])
        raise ValueError(f"residuals must be finite or unknown (NaN), got infinity for {hierarchy.ids[series]!r}")
    bottom = forecasts[aggregates:]
    if aggregates:
        covariance = _Covariance.of(residuals, hierarchy)
        gap = forecasts[:aggregates] - hierarchy.summing @ bottom
        bottom = bottom + covariance.bottom_correction(gap, hierarchy)
    return hierarchy.sums(np.maximum(bottom, 0.0))


def shrinkage(residuals: FloatArray) -> float:
    """How far correlations of residuals are to be shrunk towards 0: from 0, not at all, to 1, all the way.

    The sum of the correlations' estimated variances over that of their squares. Residuals are taken as errors of
    mean 0; unknown ones as telling of no correlation.

    Args:
        residuals: shape (series, period), NaN = unknown.

    Source: Schäfer & Strimmer (2005), Statistical Applications in Genetics and Molecular Biology 4(1).
    """
    scaled, _ = _scaled(residuals)
    periods = scaled.shape[1]
    if periods < 2:
        return 1.0
    squares = scaled**2
    between = ((scaled.T @ scaled) ** 2).sum() - (squares.sum(axis=1) ** 2).sum()
    products = (squares.sum(axis=0) ** 2).sum() - (squares**2).sum()
    variances = (products - between / periods) / (periods * (periods - 1.0))
    if not between > 0:
        return 1.0
    return float(np.clip(variances / (between / periods**2), 0.0, 1.0))


@dataclass(frozen=True)
class _Covariance:
    """W = diag(own) + shared · sharedᵀ.

    Attributes:
        own: shape (node,), above 0.
        shared: shape (node, period).
    """

    own: FloatArray
    shared: FloatArray

    @staticmethod
    def of(residuals: FloatArray, hierarchy: Hierarchy) -> "_Covariance":
        shrunk = max(shrinkage(residuals), LEAST_SHRINKAGE)
        scaled, known = _scaled(residuals)
        variance = _variances(residuals, hierarchy)
        periods = max(scaled.shape[1], 1)
        seen = (scaled**2).sum(axis=1) / periods
        own = variance * (1.0 - (1.0 - shrunk) * np.where(known, seen, 0.0))
        shared = scaled * np.sqrt(variance * (1.0 - shrunk) / periods)[:, None]
        return _Covariance(own, shared)

    def bottom_correction(self, gap: FloatArray, hierarchy: Hierarchy) -> FloatArray:
        """What is added to the bottom forecasts, where gap = aggregates' own forecasts less the bottom's sums."""
        summing, aggregates = hierarchy.summing, len(hierarchy.aggregate_ids)
        own_aggregate, own_bottom = self.own[:aggregates], self.own[aggregates:]
        shared_bottom = self.shared[aggregates:]
        across = self.shared[:aggregates] - summing @ shared_bottom
        diagonal = sparse.diags_array(own_aggregate) + summing @ sparse.diags_array(own_bottom) @ summing.T
        factor = splu(sparse.csc_array(diagonal), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        solved_across, solved_gap = factor.solve(across), factor.solve(gap)
        inner = np.eye(across.shape[1]) + across.T @ solved_across
        solved = solved_gap - solved_across @ np.linalg.solve(inner, across.T @ solved_gap)
        own_part = (own_bottom * (summing.T @ solved).T).T
        correction: FloatArray = own_part - shared_bottom @ (across.T @ solved)
        return correction


def _scaled(residuals: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Residuals over their root mean square, unknown ones 0, and which series have any but 0."""
    counted = (~np.isnan(residuals)).sum(axis=1)
    error = np.nan_to_num(residuals)
    size = np.sqrt((error**2).sum(axis=1) / np.maximum(counted, 1))
    known = size > 0
    return error / np.where(known, size, 1.0)[:, None], known


def _variances(residuals: FloatArray, hierarchy: Hierarchy) -> FloatArray:
    """Mean squared residual of each node, never 0, so that no forecast is taken as certain."""
    counted = (~np.isnan(residuals)).sum(axis=1)
    variance = (np.nan_to_num(residuals) ** 2).sum(axis=1) / np.maximum(counted, 1)
    aggregates = len(hierarchy.aggregate_ids)
    told = counted[aggregates:] > 0
    usual = float(variance[aggregates:][told].mean()) if told.any() else 1.0
    usual = usual if usual > 0 else 1.0
    held = hierarchy.sums(np.ones(len(hierarchy.bottom_ids)))
    guessed = np.where(counted > 0, variance, usual * held)
    return np.asarray(np.maximum(guessed, LEAST_RELATIVE_VARIANCE * usual * held))


def _grouped(keys: pd.DataFrame, level: Sequence[str]) -> tuple[list[str], IntArray]:
    """Names of the aggregates of one level, sorted by their keys, and the aggregate of each bottom series."""
    if not level:
        return [TOTAL], np.zeros(len(keys), dtype=np.int64)
    for name in level:
        if name not in keys.columns or name == "unique_id":
            raise ValueError(f"levels must name key columns, got {name!r}")
        missing = keys[name].isna()
        if missing.any():
            raise ValueError(
                f"{name} must be given for every series, got none for {keys['unique_id'][missing].iloc[0]!r}"
            )
    columns = list(level)
    code = keys.groupby(columns, sort=True, observed=True).ngroup().to_numpy(dtype=np.int64)
    _, first = np.unique(code, return_index=True)
    rows = keys[columns].iloc[first].to_dict("records")
    return [", ".join(f"{name}={value}" for name, value in row.items()) for row in rows], code


def _finite(values: FloatArray, name: str) -> FloatArray:
    checked = np.asarray(values, dtype=np.float64)
    if not np.isfinite(checked).all():
        raise ValueError(f"{name} must be finite, got {checked[~np.isfinite(checked)][0]}")
    return checked
