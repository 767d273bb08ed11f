"""Made-up monthly series like those of forecasting competitions: levels in thousands, trends, seasons, noise."""

from __future__ import annotations

import measure  # noqa: F401  (finds the packages)
import numpy as np

from forecasting import Panel

SHORTEST, LONGEST, SEASON = 50, 144, 12


def monthly_panel(series: int, *, seed: int = 3) -> Panel:
    """Histories of 50 to 144 months; half have a season, most a trend that wanders."""
    luck = np.random.default_rng(seed)
    lengths = luck.integers(SHORTEST, LONGEST + 1, series)
    histories = [_history(luck, int(length)) for length in lengths]
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    return Panel(tuple(range(series)), np.concatenate(histories), offsets)


def _history(luck: np.random.Generator, months: int) -> np.ndarray:
    drift = np.cumsum(luck.normal(luck.normal(0, 0.002), 0.002, months))
    level = np.exp(luck.normal(8.0, 0.7) + drift + np.cumsum(luck.normal(0, 0.03 * luck.random(), months)))
    shape = luck.normal(0, 0.15 * luck.random(), SEASON) if luck.random() < 0.5 else np.zeros(SEASON)
    season = np.exp(np.tile(shape - shape.mean(), months // SEASON + 1)[:months])
    return np.round(level * season * np.exp(luck.normal(0, 0.02 + 0.1 * luck.random(), months)))
