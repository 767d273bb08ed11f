"""How good a forecast was."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecasting.panel import FloatArray


def pinball_loss(actual: ArrayLike, quantile: ArrayLike, *, level: float) -> FloatArray:
    """Loss of a forecast quantile, in units: level·(actual − quantile)+ + (1 − level)·(quantile − actual)+.

    Raises:
        ValueError: level outside (0, 1), shapes that do not agree, or NaN.

    Source: Koenker & Bassett (1978), Econometrica 46(1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    seen, said = _checked_pair(actual, quantile, "quantile")
    return np.maximum(level * (seen - said), (level - 1) * (seen - said))


def scaled_pinball(actual: ArrayLike, quantile: ArrayLike, *, level: float) -> float:
    """Mean pinball loss per unit of mean actual demand, so that panels of any size compare.

    Raises:
        ValueError: As `pinball_loss`, and when nothing was demanded.
    """
    loss = pinball_loss(actual, quantile, level=level)
    demanded = float(np.sum(np.asarray(actual, dtype=np.float64)))
    if demanded <= 0:
        raise ValueError(f"actual must sum to more than 0 to scale by, got {demanded}")
    return float(loss.sum()) / demanded


def coverage(actual: ArrayLike, quantile: ArrayLike) -> float:
    """Share of actuals at or below their forecast quantile; a good 0.95 quantile covers 0.95 or just more.

    Raises:
        ValueError: Shapes that do not agree, NaN, or nothing to compare.
    """
    seen, said = _checked_pair(actual, quantile, "quantile")
    return float(np.mean(seen <= said))


def mase(actual: ArrayLike, mean: ArrayLike, history: ArrayLike, *, season_periods: int = 1) -> float:
    """Mean absolute error over that of repeating the history's value of one season before.

    Args:
        actual: Units per period, shape (period,).
        mean: Forecast, shape (period,).
        history: What was known at the origin, oldest first, shape (past,).
        season_periods: Length of a season; 1 compares with repeating the last value.

    Raises:
        ValueError: Shapes that do not agree, NaN, or a history too short or too constant to scale by.

    Source: Hyndman & Koehler (2006), International Journal of Forecasting 22(4).
    """
    seen, said = _checked_pair(actual, mean, "mean")
    past = np.asarray(history, dtype=np.float64)
    if len(past) <= season_periods:
        raise ValueError(f"history must be longer than season_periods {season_periods}, got {len(past)}")
    repeating = float(np.mean(np.abs(past[season_periods:] - past[:-season_periods])))
    if not repeating > 0:
        raise ValueError(f"history must change from season to season to scale by, got {repeating}")
    return float(np.mean(np.abs(seen - said))) / repeating


def bias(actual: ArrayLike, mean: ArrayLike) -> float:
    """Forecast minus actual as a share of actual demand: above 0 the forecast is too high.

    Raises:
        ValueError: Shapes that do not agree, NaN, or nothing demanded.
    """
    seen, said = _checked_pair(actual, mean, "mean")
    demanded = float(seen.sum())
    if demanded <= 0:
        raise ValueError(f"actual must sum to more than 0 to scale by, got {demanded}")
    return float((said - seen).sum()) / demanded


def _checked_pair(actual: ArrayLike, forecast: ArrayLike, name: str) -> tuple[FloatArray, FloatArray]:
    seen: NDArray[np.float64] = np.asarray(actual, dtype=np.float64)
    said: NDArray[np.float64] = np.asarray(forecast, dtype=np.float64)
    if seen.shape != said.shape:
        raise ValueError(f"{name} must have the shape of actual {seen.shape}, got {said.shape}")
    if not seen.size:
        raise ValueError(f"actual and {name} must hold at least one value, got none")
    if np.isnan(seen).any() or np.isnan(said).any():
        raise ValueError(f"actual and {name} must not hold NaN")
    return seen, said
