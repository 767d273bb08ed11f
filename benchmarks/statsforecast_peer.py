"""statsforecast at work on panels handed over as files: run by the peers' own environment, never by ours.

`.venv/peers/bin/python benchmarks/statsforecast_peer.py JOB IN.npz OUT.npz` where IN holds `values` and `offsets` (many
series end to end) and what the job needs:

- `points`: `model`, `season`, `horizon` → `mean` (series, horizon) and `seconds` of fitting and forecasting.
- `buckets`: `models`, `bucket` (periods), `windows` (conformal), `levels` → `mean` (model, series) and `quantiles`
  (model, series, level) of the next bucket's total: its own intervals, got by conformal prediction on totals of
  buckets, which is the best that it offers for a total.
"""

from __future__ import annotations

import sys
import warnings
from itertools import pairwise
from time import perf_counter

import numpy as np
import pandas as pd
from statsforecast import StatsForecast, models
from statsforecast.utils import ConformalIntervals

FIRST_DAY = pd.Timestamp("2000-01-02")


def model_of(name: str, season: int = 1) -> object:
    """A model by the name that the tables print."""
    made = {
        "AutoETS": lambda: models.AutoETS(season_length=season),
        "Theta": lambda: models.Theta(season_length=season),
        "DynamicOptimizedTheta": lambda: models.DynamicOptimizedTheta(season_length=season),
        "SES": lambda: models.SimpleExponentialSmoothingOptimized(),
        "CrostonSBA": lambda: models.CrostonSBA(),
        "CrostonOptimized": lambda: models.CrostonOptimized(),
        "ADIDA": lambda: models.ADIDA(),
        "IMAPA": lambda: models.IMAPA(),
        "TSB": lambda: models.TSB(alpha_d=0.2, alpha_p=0.2),
        "HistoricAverage": lambda: models.HistoricAverage(),
        "WindowAverage": lambda: models.WindowAverage(window_size=4),
        "SeasonalNaive": lambda: models.SeasonalNaive(season_length=season),
        "Naive": lambda: models.Naive(),
    }
    return made[name]()


def long_frame(values: np.ndarray, offsets: np.ndarray) -> pd.DataFrame:
    """unique_id, ds, y with all series ending on the same day."""
    lengths = np.diff(offsets)
    series = np.repeat(np.arange(len(lengths)), lengths)
    back = np.repeat(offsets[1:], lengths) - 1 - np.arange(len(values))
    latest = int(lengths.max())
    ds = FIRST_DAY + pd.to_timedelta(7 * (latest - 1 - back), unit="D")
    return pd.DataFrame({"unique_id": series, "ds": ds, "y": values})


def points(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    season, horizon = int(given["season"]), int(given["horizon"])
    frame = long_frame(given["values"], given["offsets"])
    name = str(given["model"])
    warm = StatsForecast(models=[model_of(name, season)], freq="W-SUN", n_jobs=1)
    few = frame[frame["unique_id"] < 3]
    warm.forecast(df=few, h=horizon)
    started = perf_counter()
    made = StatsForecast(models=[model_of(name, season)], freq="W-SUN", n_jobs=1).forecast(df=frame, h=horizon)
    seconds = perf_counter() - started
    mean = made.iloc[:, -1].to_numpy(dtype=np.float64).reshape(-1, horizon)
    return {"mean": mean, "seconds": np.array(seconds)}


def totals_of(values: np.ndarray, offsets: np.ndarray, bucket: int) -> list[np.ndarray]:
    """Each series summed over whole buckets counted back from its end."""
    return [
        values[end - (end - start) // bucket * bucket : end].reshape(-1, bucket).sum(axis=1)
        for start, end in pairwise(offsets)
    ]


def buckets(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Series of one length go together, so that each uses all the conformal windows that its length allows."""
    totals = totals_of(given["values"], given["offsets"], int(given["bucket"]))
    lengths = np.array([len(one) for one in totals])
    names, levels = [str(name) for name in given["models"]], given["levels"]
    mean = np.full((len(names), len(totals)), np.nan)
    quantiles = np.full((len(names), len(totals), len(levels)), np.nan)
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        together = np.concatenate([totals[number] for number in chosen])
        frame = long_frame(together, np.arange(len(chosen) + 1) * length)
        windows = min(int(given["windows"]), int(length) - 3)
        for row, name in enumerate(names):
            mean[row, chosen], quantiles[row, chosen] = with_intervals(frame, name, levels, windows)
    return {"mean": mean, "quantiles": quantiles}


def with_intervals(frame: pd.DataFrame, name: str, levels: np.ndarray, windows: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (series,) and quantiles (series, level) of the next bucket."""
    widths = {level: round(200 * max(level, 1 - level) - 100, 6) for level in levels.tolist()}
    widths = {level: int(width) if width == int(width) else width for level, width in widths.items()}
    made = StatsForecast(models=[model_of(name)], freq="W-SUN", n_jobs=1).forecast(
        df=frame,
        h=1,
        level=sorted({width for width in widths.values() if width}),
        prediction_intervals=ConformalIntervals(n_windows=windows, h=1),
    )
    column = next(column for column in made.columns if column not in ("unique_id", "ds"))
    mean = made[column].to_numpy(dtype=np.float64)
    columns = [
        made[f"{column}-{'hi' if level > 0.5 else 'lo'}-{width}"].to_numpy(dtype=np.float64) if width else mean
        for level, width in widths.items()
    ]
    return mean, np.stack(columns, axis=1)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    job, source, destination = sys.argv[1:]
    with np.load(source, allow_pickle=False) as file:
        asked_for = {name: file[name] for name in file.files}
    np.savez(destination, **{"points": points, "buckets": buckets}[job](asked_for))
