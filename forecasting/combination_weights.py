"""How much each method's forecast should count for each series, learned from a backtest."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np

from forecasting.backtest import Method, TotalForecast, Totals
from forecasting.backtest_scores import Backtest
from forecasting.panel import FloatArray, Panel

EQUAL_WINDOWS = 6.0
LEAST_RELATIVE_LOSS = 0.1


@dataclass(frozen=True)
class CombinationWeights:
    """Attributes:
    ids: unique_id of each series that the backtest judged.
    methods: Name of each method.
    weights: Rows sum to 1, shape (series, method).
    """

    ids: tuple[Hashable, ...]
    methods: tuple[str, ...]
    weights: FloatArray

    def of(self, ids: tuple[Hashable, ...]) -> FloatArray:
        """Weights of these series in this order, shape (series, method); equal ones for any not judged."""
        place = {one: number for number, one in enumerate(self.ids)}
        rows = np.array([place.get(one, len(self.ids)) for one in ids], dtype=np.int64)
        equal = np.full((1, len(self.methods)), 1.0 / len(self.methods))
        table: FloatArray = np.concatenate((self.weights, equal))[rows]
        return table


def combination_weights(backtest: Backtest, *, equal_windows: float = EQUAL_WINDOWS) -> CombinationWeights:
    """Weights per series: inverse to the mean pinball loss, shrunk towards equal ones.

    A handful of windows hardly tells one method from another for a single series, so that picking the best seen
    mostly picks luck, and even inverse losses follow it too far. So the inverse losses of n windows count
    n / (n + equal_windows) and equal weights the rest. A loss counts as at least `LEAST_RELATIVE_LOSS` times the
    series' mean over methods, lest a method that was right by chance take all. Each series' weights depend on
    its own losses only.

    Args:
        backtest: Forecasts; only series and origins that every method forecast are used. To judge the combination
            itself, learn the weights from earlier origins than it is judged by.
        equal_windows: Windows' worth of belief in equal weights, ≥ 0; infinite gives equal weights.

    Raises:
        ValueError: equal_windows negative or NaN, or a backtest without any forecast.

    Source: inverse losses as weights, Bates & Granger (1969), Operational Research Quarterly 20(4).
    """
    if not equal_windows >= 0:
        raise ValueError(f"equal_windows must be at least 0, got {equal_windows}")
    if backtest.frame.empty:
        raise ValueError("backtest must hold forecasts to learn weights from, got none")
    table = backtest.losses_by_series()
    loss = table[backtest.methods].to_numpy(dtype=np.float64)
    windows = table["forecasts"].to_numpy(dtype=np.float64)
    usual = loss.mean(axis=1, keepdims=True)
    relative = np.divide(loss, usual, out=np.ones_like(loss), where=usual > 0)
    inverse = 1.0 / np.maximum(relative, LEAST_RELATIVE_LOSS)
    inverse /= inverse.sum(axis=1, keepdims=True)
    believed = np.zeros(len(windows)) if np.isinf(equal_windows) else windows / (windows + equal_windows)
    weights = believed[:, None] * inverse + (1.0 - believed[:, None]) / loss.shape[1]
    return CombinationWeights(tuple(table.index), tuple(backtest.methods), weights)


def combined(forecasts: Mapping[str, Totals], ids: tuple[Hashable, ...], weights: CombinationWeights) -> TotalForecast:
    """Means and quantiles averaged with the weights, level by level.

    Averaging quantiles keeps the shape of the distributions averaged, whereas averaging probabilities would widen
    them. Where all methods answer in whole units the result is rounded up to whole units.

    Args:
        forecasts: Method → its forecast; one for each method of the weights.
        ids: unique_id of each series of the forecasts.
        weights: From `combination_weights`.

    Raises:
        ValueError: A method's forecast is missing, or has other levels or another number of series.
    """
    table = weights.of(ids)
    for name in weights.methods:
        if name not in forecasts:
            raise ValueError(f"forecasts must hold every method of the weights, got none of {name!r}")
    answers = [forecasts[name] for name in weights.methods]
    levels = answers[0].levels
    for name, answer in zip(weights.methods, answers, strict=True):
        if not np.array_equal(answer.levels, levels):
            raise ValueError(f"forecast of {name!r} must have levels {levels.tolist()}, got {answer.levels.tolist()}")
        if answer.mean.shape != (len(ids),):
            raise ValueError(f"forecast of {name!r} must have shape ({len(ids)},), got {answer.mean.shape}")
    mean, quantiles = np.zeros(len(ids)), np.zeros((len(ids), len(levels)))
    whole = np.ones(len(ids), dtype=np.bool_)
    for number, answer in enumerate(answers):
        mean += table[:, number] * answer.mean
        quantiles += table[:, number, None] * answer.quantiles
        whole &= (answer.quantiles == np.rint(answer.quantiles)).all(axis=1)
    return TotalForecast(mean, levels, np.where(whole[:, None], np.ceil(quantiles - 1e-9), quantiles))


def combined_method(methods: Mapping[str, Method], weights: CombinationWeights) -> Method:
    """The combination as a method of its own, for a backtest at later origins or for use.

    Raises:
        ValueError: A method of the weights is missing.
    """
    for name in weights.methods:
        if name not in methods:
            raise ValueError(f"methods must hold every method of the weights, got none of {name!r}")

    def answer(panel: Panel, window: int, levels: FloatArray) -> TotalForecast:
        forecasts = {name: methods[name](panel, window, levels) for name in weights.methods}
        return combined(forecasts, panel.ids, weights)

    return answer
