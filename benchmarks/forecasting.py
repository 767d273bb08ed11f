"""Forecasts against statsforecast and the textbook: series per second, memory, and how good the totals' quantiles are.

Speed is measured on made-up monthly series (50 to 144 months), one thread each. Quality is measured on public weekly
sales, where these are kept on this machine, else on the demo company: totals of the next three weeks are forecast at
five origins, a window apart, the last being the end of the data. statsforecast gives its best for a total: each model
on buckets of three weeks with its conformal intervals. Series too short for eight buckets are left to ours alone.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from import_orders import order_file
from measure import REPOSITORY, Claim, Figure, real_file, run, seconds
from monthly_series import SEASON, monthly_panel
from peers import asked
from scipy.stats import norm

from forecasting import Panel, combined_forecast, lead_time_demand_of_panel, periodic_panel, scaled_pinball
from forecasting.accuracy import owa, point_accuracy
from forecasting.calibration import clustered_coverage
from forecasting.demand_class import demand_pattern
from forecasting.naive2 import naive2
from forecasting.smoothing import simple_exponential_smoothing

MONTHS, HORIZON, LEAD_MONTHS = 1_428, 18, 3.0
WINDOW, ORIGINS, LEAST_BUCKETS = 3, 5, 8
LEVELS = np.array([0.5, 0.75, 0.9, 0.95, 0.99])
MODELS = ("SES", "CrostonSBA", "ADIDA", "IMAPA", "TSB", "HistoricAverage")
MOST_WINDOWS = 12
OURS, TEXTBOOK = "ours", "z·σ·√L"


def speed(quick: bool) -> list[Claim]:
    panel = monthly_panel(MONTHS)
    few = panel.between(0, 20 if quick else 60)
    some = panel.between(0, 200 if quick else MONTHS)
    rounds = 2 if quick else 5
    combined = _per_second(lambda: combined_forecast(panel, horizon=HORIZON, season_length=SEASON), MONTHS, rounds)
    claims = []
    for model, part, wanted in (("AutoETS", few, ">= 1000"), ("Theta", some, ">= 30")):
        peer = asked("points", values=part.values, offsets=part.offsets, model=model, season=SEASON, horizon=HORIZON)
        rate = Figure.exactly(len(part.ids) / float(peer["seconds"]))
        claims.append(
            Claim(f"default combination against {model}, {HORIZON} months", combined, rate, "series/s", wanted, MONTHS)
        )
    totals = _per_second(
        lambda: lead_time_demand_of_panel(panel, periods=LEAD_MONTHS, quantiles=LEVELS, season_length=SEASON),
        MONTHS,
        rounds,
    )
    claims.append(Claim("lead-time demand, all in", totals, None, "series/s", ">= 3000", MONTHS))
    two = _per_second(
        lambda: lead_time_demand_of_panel(
            monthly_panel(8_000), periods=LEAD_MONTHS, quantiles=LEVELS, season_length=SEASON, threads=2
        ),
        8_000,
        1,
    )
    claims.append(Claim("the same on two threads, 8,000 series", two, None, "series/s", None, 8_000))
    return claims


def _per_second(work: Callable[[], object], series: int, rounds: int) -> Figure:
    work()
    return Figure.of([seconds(work) for _ in range(rounds)]).per_second(series)


def same_bits() -> Claim:
    """Whether one thread and two give the same to the last bit."""
    panel = monthly_panel(5_000, seed=4)
    one, two = (
        lead_time_demand_of_panel(panel, periods=2.5, quantiles=LEVELS, season_length=SEASON, threads=threads)
        for threads in (1, 2)
    )
    differing = int((one.quantiles != two.quantiles).sum() + (one.mean != two.mean).sum() + (one.sd != two.sd).sum())
    return Claim(
        "figures that differ between one thread and two", Figure.exactly(differing), None, "figures", "<= 0", 5_000
    )


def first_call() -> Claim:
    """A new process imports, and forecasts a first panel, with the kernels compiled before."""
    program = (
        "import numpy as np; from forecasting import Panel, lead_time_demand_of_panel;"
        "lead_time_demand_of_panel(Panel(('a',), np.arange(60.0) % 7, np.array([0, 60])), periods=3.0, quantiles=[0.9])"
    )
    taken = [
        seconds(lambda: subprocess.run([sys.executable, "-c", program], check=True, cwd=REPOSITORY)) for _ in range(3)
    ]
    return Claim("import and first call, kernels compiled before", Figure.of(taken), None, "s", "< 3", 1)


def large_panel() -> list[Claim]:
    """30,000 daily histories of 1,900 days in a process of its own, so that its memory is told."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("large_panel.py"))], check=True, capture_output=True, text=True
    )
    taken, peak = map(float, done.stdout.split())
    what = "30,000 daily histories of 1,900 days, two threads"
    return [
        Claim(what, Figure.exactly(taken), None, "s", "< 90", 30_000),
        Claim(f"{what}: peak memory", Figure.exactly(peak), None, "GiB", "< 4", 30_000),
    ]


def weekly_panels(quick: bool) -> dict[str, Panel]:
    """Public weekly sales where they are kept here, else the demo company's."""
    panels = {}
    products = real_file("uci_sales_transactions_weekly.parquet")
    if products is not None:
        units = pd.read_parquet(products).pivot(index="Product_Code", columns="week", values="units")
        panels["sales of 811 products"] = _rectangular(units.to_numpy(dtype=np.float64))
    if not quick or products is None:
        is_real = real_file("online_retail.parquet") is not None
        panels["online retail by SKU" if is_real else "demo company by SKU"] = _order_book()
    return panels


def _rectangular(units: np.ndarray) -> Panel:
    series, weeks = units.shape
    return Panel(tuple(range(series)), units.ravel(), np.arange(series + 1) * weeks)


def _order_book() -> Panel:
    """Weekly demand per SKU as the product itself reads it from the order file."""
    from datetime import UTC, datetime

    from data import demand_history
    from data.connection import open_database
    from orders.importing import OrderImport, import_orders
    from orders.model import Actor

    with TemporaryDirectory() as name:
        path, options = order_file(Path(name))
        database = open_database(f"sqlite:///{name}/orders.db")
        request = OrderImport(path, time_zone=options[1], currency=options[3])
        import_orders(database, request, actor=Actor("benchmark"), at=datetime(2026, 11, 22, tzinfo=UTC))
        with database.reading() as connection:
            daily = demand_history.daily_demand(connection, as_of=date(2026, 11, 22), currency=options[3])
        database.close()
    frame = daily.rename(columns={"sku_id": "unique_id"}).groupby(["unique_id", "ds"], as_index=False)["y"].sum()
    return periodic_panel(frame, as_of=frame["ds"].max().date())


@dataclass(frozen=True)
class Judged:
    """Totals that came after one origin, and what each method had said: quantiles at `LEVELS`, by name."""

    origin: int
    total: np.ndarray
    said: dict[str, np.ndarray]
    pattern: np.ndarray


def judged_at(panel: Panel, origin: int, models: Sequence[str]) -> Judged:
    """Everybody's forecast so many windows before the end, on series long enough for the peers' intervals."""
    known = panel.until(WINDOW * origin)
    asked_of = np.flatnonzero((known.lengths >= WINDOW * LEAST_BUCKETS) & (_totals(known) > 0))
    compared = known.chosen(asked_of)
    ours = lead_time_demand_of_panel(known, periods=float(WINDOW), quantiles=LEVELS).quantiles[asked_of]
    peer = asked(
        "buckets",
        values=compared.values,
        offsets=compared.offsets,
        bucket=WINDOW,
        windows=MOST_WINDOWS,
        levels=LEVELS,
        models=models,
    )
    said = {model: np.maximum(peer["quantiles"][row], 0) for row, model in enumerate(models)}
    said = {OURS: ours, **said, TEXTBOOK: _textbook(compared)}
    return Judged(origin, _came(panel, WINDOW * origin)[asked_of], said, demand_pattern(compared).pattern)


def quality(name: str, panel: Panel, quick: bool) -> list[Claim]:
    """Claims on totals of `WINDOW` weeks at several origins, pooled over series."""
    models, origins = (MODELS[:2], 2) if quick else (MODELS, ORIGINS)
    judged = [judged_at(panel, origin, models) for origin in range(1, origins + 1)]
    return [*_loss_claims(name, judged), *_coverage_claims(name, judged)]


def _came(panel: Panel, back: int) -> np.ndarray:
    """Units of the window that begins so many periods before the end."""
    running = np.concatenate(([0.0], np.cumsum(panel.values)))
    begin = np.maximum(panel.offsets[1:] - back, panel.offsets[:-1])
    return running[np.maximum(panel.offsets[1:] - back + WINDOW, begin)] - running[begin]


def _totals(panel: Panel) -> np.ndarray:
    running = np.concatenate(([0.0], np.cumsum(panel.values)))
    return running[panel.offsets[1:]] - running[panel.offsets[:-1]]


def _losses(total: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    return np.array([scaled_pinball(total, quantiles[:, row], level=level) for row, level in enumerate(LEVELS)])


def _textbook(panel: Panel) -> np.ndarray:
    """Level and deviation of one step by exponential smoothing, times the weeks and their root; normal."""
    smoothed = simple_exponential_smoothing(panel, prior_periods=0.0)
    level = smoothed.forecast(1)[:, 0]
    errors = np.nan_to_num(panel.values - smoothed.fitted)
    squares = np.concatenate(([0.0], np.cumsum(errors**2)))
    spread = np.sqrt((squares[panel.offsets[1:]] - squares[panel.offsets[:-1]]) / np.maximum(panel.lengths - 1, 1))
    quantiles = level[:, None] * WINDOW + norm.ppf(LEVELS) * (spread * np.sqrt(WINDOW))[:, None]
    return np.maximum(np.ceil(quantiles), 0.0)


def _loss_claims(name: str, judged: Sequence[Judged]) -> list[Claim]:
    """Pinball loss of the totals' quantiles, mean over origins, beside the best peer's and the textbook's."""
    loss = {label: np.mean([_losses(one.total, one.said[label]) for one in judged], axis=0) for label in judged[0].said}
    rivals = {label: one for label, one in loss.items() if label not in (OURS, TEXTBOOK)}
    best = min(rivals, key=lambda label: rivals[label].sum())
    what = f"{name}, {WINDOW} weeks: pinball loss"
    ours = loss[OURS]
    rows: list[tuple[str, float, float, str | None]] = [
        (f"{what}, mean of levels, against the best peer ({best})", ours.mean(), rivals[best].mean(), "<= 0.9"),
        (f"{what}, mean of levels, against {TEXTBOOK}", ours.mean(), loss[TEXTBOOK].mean(), "<= 0.9"),
    ]
    for row, level in enumerate(LEVELS):
        peer = min(one[row] for one in rivals.values())
        rows.append((f"{what} at {level:g} against the best peer there", ours[row], peer, None))
    return [
        Claim(
            claim,
            Figure.exactly(float(us)),
            Figure.exactly(float(them)),
            "units per unit demanded",
            wanted,
            len(judged[0].total),
        )
        for claim, us, them, wanted in rows
    ]


def _coverage_claims(name: str, judged: Sequence[Judged]) -> list[Claim]:
    """How often the 0.99 level held, errors clustered by origin since all series share a window's luck."""
    origins = np.concatenate([np.full(len(one.total), one.origin) for one in judged])
    patterns = np.concatenate([one.pattern for one in judged])
    covered = {
        label: np.concatenate([one.total <= one.said[label][:, -1] for one in judged]) for label in judged[0].said
    }
    pooled = clustered_coverage(covered[OURS], origins)
    what = f"{name}: share covered by the {LEVELS[-1]:g} level (±{pooled.standard_error:.4f})"
    claims = [
        Claim(what, Figure.exactly(pooled.share), None, "of totals", wanted, len(origins))
        for wanted in (">= 0.98", "<= 0.995")
    ]
    parts = [(label, covered[label], np.full(len(origins), True)) for label in covered if label != OURS]
    parts += [(f"ours, {one} demand", covered[OURS], patterns == one) for one in np.unique(patterns)]
    for label, held, chosen in parts:
        share = clustered_coverage(held[chosen], origins[chosen])
        said = f"{name}: the same, {label} (±{share.standard_error:.4f})"
        claims.append(Claim(said, Figure.exactly(share.share), None, "of totals", None, int(chosen.sum())))
    return claims


def points(name: str, panel: Panel, *, season: int, horizon: int, origins: int, models: Sequence[str]) -> list[Claim]:
    """MASE and OWA of the point forecasts of the next periods, means over series and origins; peers beside us."""
    answers: dict[str, list[float]] = {}
    count = 0
    for origin in range(1, origins + 1):
        known = panel.until(horizon * origin)
        chosen = np.flatnonzero((known.lengths >= max(3 * season, 8 * WINDOW)) & (_totals(known) > 0))
        known, actual = known.chosen(chosen), _after(panel, horizon * origin, horizon)[chosen]
        said = {OURS: combined_forecast(known, horizon=horizon, season_length=season)}
        for model in models:
            given = {"values": known.values, "offsets": known.offsets, "season": season, "horizon": horizon}
            said[model] = np.maximum(asked("points", model=model, **given)["mean"], 0)
        base = point_accuracy(known, actual, naive2(known, horizon=horizon, season_length=season)).pooled()
        for label, mean in said.items():
            judged = point_accuracy(known, actual, mean, season_periods=season).pooled()
            plain = point_accuracy(known, actual, mean).pooled()
            overall = owa(smape=plain.smape, mase=plain.mase, naive2_smape=base.smape, naive2_mase=base.mase)
            answers.setdefault(f"{label} MASE", []).append(judged.mase)
            answers.setdefault(f"{label} OWA", []).append(overall)
        count = len(chosen)
    means = {label: float(np.mean(values)) for label, values in answers.items()}
    return [
        Claim(
            f"{name}, {horizon} periods ahead: {measure} against {model}",
            Figure.exactly(means[f"{OURS} {measure}"]),
            Figure.exactly(means[f"{model} {measure}"]),
            measure,
            None,
            count,
        )
        for model in models
        for measure in ("MASE", "OWA")
    ]


def _after(panel: Panel, back: int, horizon: int) -> np.ndarray:
    """Units of each of the periods that begin so many before the end, shape (series, horizon)."""
    begin = np.maximum(panel.offsets[1:] - back, panel.offsets[:-1])
    places = np.minimum(begin[:, None] + np.arange(horizon), len(panel.values) - 1)
    return panel.values[places]


def benchmark(quick: bool) -> list[Claim]:
    claims = [*speed(quick), same_bits(), first_call()]
    if not quick:
        claims += large_panel()
    months = monthly_panel(100 if quick else MONTHS)
    claims += points("made-up months", months, season=SEASON, horizon=HORIZON, origins=1, models=("Theta",))
    some = months.between(0, 20 if quick else 200)
    claims += points("some of them", some, season=SEASON, horizon=HORIZON, origins=1, models=("AutoETS",))
    for name, panel in weekly_panels(quick).items():
        claims += points(name, panel, season=1, horizon=WINDOW, origins=1 if quick else 3, models=("SES", "Theta"))
        claims += quality(name, panel, quick)
    return claims


if __name__ == "__main__":
    run(str(__doc__), benchmark)
