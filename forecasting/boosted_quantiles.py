"""One gradient-boosted model per quantile for all series together, where a backtest admits it.

Unlike every other forecast here, a series' answer depends on the rest of the panel: that is what is learned from.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from forecasting.backtest import Method, TotalForecast
from forecasting.backtest_scores import Backtest
from forecasting.panel import BoolArray, FloatArray, IntArray, Panel

MEANS_OVER = (1, 2, 4, 8, 13, 26, 52)
SCALE_PERIODS = 26
LONGEST = 52
LEAST_WINDOWS = 200
ROUNDS = 150
SETTINGS = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.8,
    "lambda_l2": 1.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def boosted_quantiles(*, seed: int, season_length: int = 1, origins: int = 12) -> Method:
    """A global model of the total over a window, learned from all series at past origins, as a `Method`.

    At each origin of the past a series is described by its mean demand over several recent stretches, how often
    nothing was demanded, how long ago something was, its spread, age and size, and with a season by the position in
    it and by the same window one season before. What is learned is the total that followed, over the series' recent
    mean, so that small and large items teach each other. There is one model per level and one for the mean; levels
    that cross are sorted. Whole-number histories are answered in whole units. Same seed, same bits.

    Args:
        seed: Of the choice of features in each tree.
        season_length: Periods in a season; 1 for none.
        origins: Past origins to learn from, half a window apart; more where two seasons take more.

    Returns:
        A method, which raises ValueError where the panel gives fewer than `LEAST_WINDOWS` windows to learn from.

    Raises:
        ImportError: The extra `boosting` is not installed.
        ValueError: season_length or origins below 1.
    """
    for name, number in {"season_length": season_length, "origins": origins}.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
    lightgbm = _lightgbm()

    def answer(panel: Panel, window: int, levels: FloatArray) -> TotalForecast:
        lessons = _Lessons.of(panel, window, season_length, max(origins, -(-2 * season_length // _step(window))))
        if len(lessons.target) < LEAST_WINDOWS:
            raise ValueError(
                f"panel must hold at least {LEAST_WINDOWS} windows of {window} periods to learn from, "
                f"got {len(lessons.target)}"
            )
        now = _described(_Recent.of(panel, window, season_length, 1), 0, window, season_length)
        unit = now.scale * window
        mean = _learned(lightgbm, lessons, now.features, {"objective": "regression"}, seed)
        columns = [
            _learned(lightgbm, lessons, now.features, {"objective": "quantile", "alpha": level}, seed)
            for level in levels.tolist()
        ]
        quantiles = np.sort(np.maximum(np.stack(columns, axis=1), 0.0), axis=1) * unit[:, None]
        whole = panel.is_whole
        quantiles[whole] = np.rint(quantiles[whole])
        begun = now.begun
        return TotalForecast(
            np.where(begun, np.maximum(mean, 0.0) * unit, 0.0), levels, np.where(begun[:, None], quantiles, 0.0)
        )

    return answer


def chosen_by_backtest(backtest: Backtest, candidate: str, reference: str, *, standard_errors: float = 1.0) -> str:
    """The candidate where it beats the reference by more than chance, else the reference.

    Compared by scaled pinball loss, averaged over levels and paired on what both forecast; the gain must exceed
    `standard_errors` times its standard error, which is clustered by origin, so that a single origin admits
    nothing. A panel on which nothing was demanded keeps the reference.

    Args:
        backtest: With forecasts of both methods.
        candidate: The method to be admitted.
        reference: The method that stays without proof.
        standard_errors: How sure to be; 1 admits an equal by luck about one time in five with few origins.

    Raises:
        ValueError: A method is not in the backtest, or standard_errors negative or NaN.
    """
    if not standard_errors >= 0:
        raise ValueError(f"standard_errors must be at least 0, got {standard_errors}")
    if not backtest.frame["actual"].sum() > 0:
        return reference
    comparison = backtest.compared(candidate, reference)
    return candidate if comparison.difference < -standard_errors * comparison.standard_error else reference


def _lightgbm() -> ModuleType:
    try:
        import lightgbm
    except ImportError as error:
        raise ImportError("boosted quantiles need lightgbm: pip install 'stockwright[boosting]'") from error
    return lightgbm


@dataclass(frozen=True)
class _Recent:
    """The end of every history.

    Attributes:
        demand: Last periods in the last column, NaN = unknown or before the first, shape (series, period).
        lengths: Periods known in all, shape (series,).
    """

    demand: FloatArray
    lengths: IntArray

    @staticmethod
    def of(panel: Panel, window: int, season_length: int, origins: int) -> "_Recent":
        wanted = max(LONGEST, season_length) + window + (origins - 1) * _step(window)
        width = min(int(panel.lengths.max(initial=0)), wanted)
        back = np.arange(width, 0, -1)
        inside = back <= panel.lengths[:, None]
        demand = np.full(inside.shape, np.nan)
        demand[inside] = panel.values[(panel.offsets[1:, None] - back)[inside]]
        return _Recent(demand, panel.lengths)

    def before(self, periods_back: int, periods: int) -> FloatArray:
        """The last periods known at an origin so many periods before the end, shape (series, ≤ periods)."""
        end = max(self.demand.shape[1] - periods_back, 0)
        return self.demand[:, max(end - periods, 0) : end]


@dataclass(frozen=True)
class _Description:
    """Attributes:
    features: shape (series, feature), NaN = not known.
    scale: Recent mean, units per period, above 0, shape (series,).
    begun: Whether anything was demanded yet, shape (series,).
    """

    features: FloatArray
    scale: FloatArray
    begun: BoolArray


def _described(recent: _Recent, periods_back: int, window: int, season_length: int) -> _Description:
    """Every series as it was known at the origin."""
    known = recent.before(periods_back, LONGEST)
    counted, total = _counted(known[:, -SCALE_PERIODS:])
    scale = (total + 1.0) / (counted + 1.0)
    age = np.maximum(recent.lengths - periods_back, 0)
    columns = [_means(known[:, -periods:]) / scale for periods in MEANS_OVER]
    silent = np.where(np.isnan(known), np.nan, known == 0)
    columns += [_means(silent[:, -periods:]) for periods in (13, LONGEST)]
    mean = _means(known[:, -SCALE_PERIODS:])
    square = _means(known[:, -SCALE_PERIODS:] ** 2)
    columns.append(np.sqrt(np.maximum(square - mean**2, 0.0)) / scale)
    columns.append(_most(known[:, -SCALE_PERIODS:]) / scale)
    columns.append(_periods_since_demand(known))
    columns.append(np.log1p(np.minimum(age, 2.0 * LONGEST)))
    columns.append(np.log(scale))
    columns.append(_means(known[:, -13:]) / (_means(known[:, -26:-13]) + 0.1 * scale))
    if season_length > 1:
        columns.append(np.full(len(scale), float(periods_back % season_length)))
        columns.append(_season_before(recent, periods_back, window, season_length) / (scale * window))
    return _Description(np.stack(columns, axis=1), scale, np.nansum(known, axis=1) > 0)


def _season_before(recent: _Recent, periods_back: int, window: int, season_length: int) -> FloatArray:
    """Total of the window one season before the one that follows the origin; NaN where not known by then."""
    if window > season_length:
        return np.full(len(recent.lengths), np.nan)
    before = recent.before(periods_back + season_length - window, window)
    if before.shape[1] < window:
        return np.full(len(recent.lengths), np.nan)
    return np.asarray(before.sum(axis=1))


@dataclass(frozen=True)
class _Lessons:
    """What past origins teach.

    Attributes:
        features: shape (lesson, feature).
        target: Total that followed over what the recent mean would have made it, shape (lesson,).
    """

    features: FloatArray
    target: FloatArray

    @staticmethod
    def of(panel: Panel, window: int, season_length: int, origins: int) -> "_Lessons":
        recent = _Recent.of(panel, window, season_length, origins)
        features, targets = [], []
        for periods_back in range(window, window + origins * _step(window), _step(window)):
            described = _described(recent, periods_back, window, season_length)
            came = recent.before(periods_back - window, window)
            if came.shape[1] < window:
                break
            total = came.sum(axis=1)
            usable = described.begun & ~np.isnan(total)
            features.append(described.features[usable])
            targets.append(total[usable] / (described.scale[usable] * window))
        if not targets:
            return _Lessons(np.zeros((0, 0)), np.zeros(0))
        return _Lessons(np.concatenate(features), np.concatenate(targets))


def _step(window: int) -> int:
    """Periods between the origins learned from."""
    return max(window // 2, 1)


def _learned(
    lightgbm: ModuleType, lessons: _Lessons, features: FloatArray, objective: dict[str, object], seed: int
) -> FloatArray:
    """What a model of that objective, learned from the lessons, says of each series, relative to its scale."""
    settings = SETTINGS | objective | {"seed": seed}
    data = lightgbm.Dataset(lessons.features, lessons.target, params=settings)
    model = lightgbm.train(settings, data, num_boost_round=ROUNDS)
    return np.asarray(model.predict(features, num_threads=1), dtype=np.float64)


def _counted(stretch: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Known periods and their total per series."""
    return (~np.isnan(stretch)).sum(axis=1).astype(np.float64), np.nansum(stretch, axis=1)


def _means(stretch: FloatArray) -> FloatArray:
    """Mean of the known periods of each series, NaN where there is none."""
    counted, total = _counted(stretch)
    mean = np.full(len(stretch), np.nan)
    np.divide(total, counted, out=mean, where=counted > 0)
    return mean


def _most(stretch: FloatArray) -> FloatArray:
    return np.asarray(np.max(np.nan_to_num(stretch), axis=1, initial=0.0))


def _periods_since_demand(known: FloatArray) -> FloatArray:
    """Periods between the last demand and the origin, at most all of them."""
    demanded = known[:, ::-1] > 0
    first = np.argmax(demanded, axis=1) if known.shape[1] else np.zeros(len(known), dtype=np.int64)
    return np.where(demanded.any(axis=1), first, known.shape[1]).astype(np.float64)
