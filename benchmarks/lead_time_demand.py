"""Lead-time demand against the textbook: exponential smoothing per series, normal quantiles, independent errors.

Both see the same weekly series without their last three weeks, and forecast the 0.95 quantile of those weeks' total.
The series are the public weekly sales of 811 products where these are kept on this machine, else made up.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from measure import Claim, Figure, alternately, real_file, run
from scipy.stats import norm
from statsmodels.tsa.holtwinters import SimpleExpSmoothing

from forecasting import lead_time_demand, scaled_pinball

WEEKS, LEVEL = 3, 0.95
SUNDAY = np.datetime64("2025-01-05", "s")


def weekly_units(most: int) -> np.ndarray:
    """Units by week, shape (series, week); series that never sold before the last weeks are left out."""
    path = real_file("uci_sales_transactions_weekly.parquet")
    if path is not None:
        sold = pd.read_parquet(path).pivot(index="Product_Code", columns="week", values="units")
        units = sold.to_numpy(dtype=np.float64)
    else:
        luck = np.random.default_rng(5)
        rate = luck.gamma(0.6, 12.0, (811, 1)) * np.exp(np.cumsum(luck.normal(0, 0.06, (811, 52)), axis=1))
        units = luck.poisson(luck.gamma(2.0, rate / 2.0)).astype(np.float64)
    units = units[units[:, :-WEEKS].sum(axis=1) > 0]
    return units[np.random.default_rng(1).permutation(len(units))[:most]]


def as_frame(units: np.ndarray) -> pd.DataFrame:
    """The same as a long frame, each week's units on its last day."""
    series, weeks = units.shape
    ends = SUNDAY + np.arange(weeks) * np.timedelta64(7, "D")
    return pd.DataFrame(
        {"unique_id": np.repeat(np.arange(series), weeks), "ds": np.tile(ends, series), "y": units.ravel()}
    )


def textbook_quantiles(units: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of one step, times the weeks and their root; shape (series,)."""
    quantiles = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels speaks of series on which its search does not converge
        for row in units:
            fit = SimpleExpSmoothing(row, initialization_method="estimated").fit()
            spread = float(np.std(fit.resid, ddof=1)) * np.sqrt(WEEKS)
            quantiles.append(float(fit.forecast(1)[0]) * WEEKS + norm.ppf(LEVEL) * spread)
    return np.maximum(np.ceil(quantiles), 0.0)


def benchmark(quick: bool) -> list[Claim]:
    most, rounds = (150, 2) if quick else (811, 3)
    units = weekly_units(most)
    known, total = units[:, :-WEEKS], units[:, -WEEKS:].sum(axis=1)
    frame = as_frame(known)
    as_of = (SUNDAY + (known.shape[1] - 1) * np.timedelta64(7, "D")).astype(object).date()

    def our_quantiles() -> np.ndarray:
        forecast = lead_time_demand(frame, as_of=as_of, periods=float(WEEKS), quantiles=[LEVEL])
        return forecast[f"q{LEVEL}"].to_numpy()

    our_loss = scaled_pinball(total, our_quantiles(), level=LEVEL)
    their_loss = scaled_pinball(total, textbook_quantiles(known), level=LEVEL)
    ours, peer = alternately(our_quantiles, lambda: textbook_quantiles(known), rounds=rounds)
    count = len(units)
    return [
        Claim(
            "forecasts against statsmodels one series at a time",
            ours.per_second(count),
            peer.per_second(count),
            "series/s",
            ">= 50",
            count,
        ),
        Claim(
            f"pinball loss of the {LEVEL} quantile of {WEEKS} weeks' demand against the textbook's",
            Figure.exactly(our_loss),
            Figure.exactly(their_loss),
            "units per unit demanded",
            "<= 1",
            count,
        ),
    ]


if __name__ == "__main__":
    run(str(__doc__), benchmark)
