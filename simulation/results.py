"""What a simulation hands to an analyst: tidy frames and, by `simulation.figures`, pictures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from simulation import scenario_measures
from simulation.arrays import FloatArray, IntArray
from simulation.estimates import Estimate, quantile_estimate, simultaneous_level
from simulation.event_frames import log_frame
from simulation.scenario import Scenario
from simulation.scenario_measures import Measure
from simulation.tallies import DailySeries, EventLog, Tallies

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What replications of a scenario came to.

    Frames are made when they are first asked for.

    Attributes:
        scenario: What was simulated.
        tallies: Raw sums by replication.
        seed: Of its luck.
        executor: "periodic", "events" or "plain".
        warm_up_days: Left out at the beginning.
        level: Confidence of the intervals.
        interrupted: True where fewer replications were made than asked for, because the user stopped the run.
    """

    scenario: Scenario
    tallies: Tallies
    seed: int
    executor: str
    warm_up_days: float = 0.0
    level: float = 0.95
    interrupted: bool = False

    @property
    def replications(self) -> int:
        """How many were made."""
        return self.tallies.replications

    @cached_property
    def overall(self) -> Mapping[str, Measure]:
        """Measures of the whole scenario by name, each of shape (replication, 1)."""
        return scenario_measures.overall_measures(self.scenario, self.tallies)

    @cached_property
    def measures(self) -> pd.DataFrame:
        """Measures of the whole scenario: measure, mean, half_width, lower, upper.

        NaN where a measure says nothing, such as a fill rate without demand; half-widths need two replications.
        """
        return _estimates(self.overall, {}, self.level)

    @cached_property
    def by_point(self) -> pd.DataFrame:
        """Measures and costs per day of each stock point: sku, site, measure, mean, half_width, lower, upper."""
        points = self.scenario.points
        named = {"sku": [point.sku for point in points], "site": [point.site for point in points]}
        costs = scenario_measures.point_costs(self.scenario, self.tallies)
        measures = scenario_measures.point_measures(self.scenario, self.tallies) | scenario_measures.as_measures(costs)
        return _estimates(measures, named, self.level)

    @cached_property
    def by_stream(self) -> pd.DataFrame:
        """Measures of each order stream: stream, measure, mean, half_width, lower, upper."""
        measures = scenario_measures.stream_measures(self.tallies)
        return _estimates(measures, {"stream": [stream.name for stream in self.scenario.streams]}, self.level)

    @cached_property
    def by_station(self) -> pd.DataFrame:
        """Measures of each station: station, measure, mean, half_width, lower, upper."""
        measures = scenario_measures.station_measures(self.scenario, self.tallies, warm_up_days=self.warm_up_days)
        return _estimates(measures, {"station": [station.name for station in self.scenario.stations]}, self.level)

    @cached_property
    def by_replication(self) -> pd.DataFrame:
        """Measures of the whole scenario in each replication: replication and a column for each measure."""
        import pandas as pd

        first = self.tallies.first_replication
        numbers = {"replication": np.arange(first, first + self.replications)}
        return pd.DataFrame(numbers | {name: one.by_replication[:, 0] for name, one in self.overall.items()})

    @cached_property
    def costs(self) -> pd.DataFrame:
        """Cost per day by kind and in total: kind, mean, half_width, lower, upper."""
        kinds = scenario_measures.costs(self.scenario, self.tallies)
        return _estimates(kinds, {}, self.level).rename(columns={"measure": "kind"})

    def estimate(self, measure: str) -> Estimate:
        """A measure of the whole scenario with its interval.

        Raises:
            ValueError: no such measure; names those there are.
        """
        return self._named(measure).estimates(self.level)[0]

    def quantiles(self, measure: str, levels: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95)) -> pd.DataFrame:
        """What the measure comes to in a bad, usual and good replication: level, value, lower, upper.

        Raises:
            ValueError: no such measure, or a level outside (0, 1).
        """
        import pandas as pd

        values = self._named(measure).by_replication[:, 0]
        found = [quantile_estimate(values, level, level=self.level) for level in levels]
        return pd.DataFrame(
            [{"level": one.chance, "value": one.value, "lower": one.lower, "upper": one.upper} for one in found]
        )

    @cached_property
    def daily(self) -> pd.DataFrame:
        """State at the end of each day: replication, day, sku, site, on_hand, on_order, backordered, demand, filled.

        Days count from 0 at the start of the run, or at the end of its warm-up.

        Raises:
            ValueError: the run was made without `daily=True`.
        """
        import pandas as pd

        series = self.daily_series()
        points = self.scenario.points
        replication, day, place = self._cells(series.on_hand)
        return pd.DataFrame(
            {
                "replication": replication,
                "day": day,
                "sku": np.array([point.sku for point in points], dtype=object)[place],
                "site": np.array([point.site for point in points], dtype=object)[place],
                **{
                    name: getattr(series, name).ravel()
                    for name in ("on_hand", "on_order", "backordered", "demand", "filled")
                },
            }
        )

    @cached_property
    def daily_stations(self) -> pd.DataFrame:
        """Jobs at each station at the end of each day: replication, day, station, in_queue, in_service.

        Raises:
            ValueError: the run was made without `daily=True`.
        """
        import pandas as pd

        series = self.daily_series()
        replication, day, place = self._cells(series.in_queue)
        names = np.array([station.name for station in self.scenario.stations], dtype=object)
        return pd.DataFrame(
            {
                "replication": replication,
                "day": day,
                "station": names[place],
                "in_queue": series.in_queue.ravel(),
                "in_service": series.in_service.ravel(),
            }
        )

    @cached_property
    def log(self) -> pd.DataFrame:
        """What happened, in order; see `event_frames.log_frame`.

        Raises:
            ValueError: the run was made without `log=True`.
        """
        return log_frame(self.scenario, self.event_log())

    def fan(self, what: str = "on_hand", **options: Any) -> go.Figure:
        """Stock over the days with quantiles over replications; see `figures.fan`."""
        from simulation import figures

        return figures.fan(self, what, **options)

    def cost_breakdown(self) -> go.Figure:
        """Cost per day by kind; see `figures.cost_breakdown`."""
        from simulation import figures

        return figures.cost_breakdown([self])

    def order_trace(self, number: int, **options: Any) -> go.Figure:
        """One order's life; see `figures.order_trace`."""
        from simulation import figures

        return figures.order_trace(self, number, **options)

    def flow(self, **options: Any) -> go.Figure:
        """Stocks, pipelines and queues by day; see `figures.flow`."""
        from simulation import figures

        return figures.flow(self, **options)

    def _named(self, measure: str) -> Measure:
        if measure not in self.overall:
            raise ValueError(f"measure must be one of {', '.join(self.overall)}, got {measure}")
        return self.overall[measure]

    def daily_series(self) -> DailySeries:
        """Arrays of the states by day.

        Raises:
            ValueError: the run was made without `daily=True`.
        """
        if self.tallies.daily is None:
            raise ValueError("states by day need a run with daily=True, got one without")
        return self.tallies.daily

    def event_log(self) -> EventLog:
        """Arrays of what happened.

        Raises:
            ValueError: the run was made without `log=True`.
        """
        if self.tallies.log is None:
            raise ValueError("the log of events needs a run with log=True, got one without")
        return self.tallies.log

    def _cells(self, values: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        replication, day, place = (index.ravel() for index in np.indices(values.shape))
        return replication + self.tallies.first_replication, day, place


@dataclass(frozen=True, eq=False)
class Comparison:
    """Scenarios side by side under the same luck.

    Attributes:
        results: Of each scenario, the first being the one compared against. Where the user stopped the run they
            may differ in length; differences use the replications that all have.
        bonferroni: Whether the differences' intervals of one measure hold together.
    """

    results: tuple[SimulationResult, ...]
    bonferroni: bool = False

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Every measure of every scenario: scenario, measure, mean, half_width, difference, difference_half_width.

        The difference is that to the first scenario, replication by replication; NaN for a measure that only one
        of them has.
        """
        import pandas as pd

        level = self.results[0].level
        against = simultaneous_level(level, len(self.results) - 1) if self.bonferroni and self.results[1:] else level
        count = min(result.replications for result in self.results)
        base = {name: one.first(count) for name, one in self.results[0].overall.items()}
        rows = []
        for result in self.results:
            for name, whole in result.overall.items():
                own = whole.estimates(level)[0]
                row = {
                    "scenario": result.scenario.name,
                    "measure": name,
                    "mean": own.mean,
                    "half_width": own.half_width,
                }
                if name in base:
                    difference = whole.first(count).difference(base[name], against)
                    row |= {"difference": difference.mean, "difference_half_width": difference.half_width}
                rows.append(row)
        columns = ["scenario", "measure", "mean", "half_width", "difference", "difference_half_width"]
        return pd.DataFrame(rows, columns=columns)

    def of(self, measure: str) -> pd.DataFrame:
        """Rows of one measure, by scenario.

        Raises:
            ValueError: no scenario has it; names those there are.
        """
        frame = self.frame
        if not (frame["measure"] == measure).any():
            raise ValueError(f"measure must be one of {', '.join(frame['measure'].unique())}, got {measure}")
        return frame[frame["measure"] == measure].drop(columns="measure").set_index("scenario")

    def differences(self, measure: str) -> go.Figure:
        """Each scenario's difference to the first with its interval; see `figures.differences`."""
        from simulation import figures

        return figures.differences(self, measure)

    def cost_breakdown(self) -> go.Figure:
        """Cost per day by kind, a bar for each scenario; see `figures.cost_breakdown`."""
        from simulation import figures

        return figures.cost_breakdown(self.results)


def _estimates(measures: Mapping[str, Measure], things: Mapping[str, Sequence[str]], level: float) -> pd.DataFrame:
    """Long frame of every measure of every thing, the measures of one thing together."""
    import pandas as pd

    found = [measure.estimates(level) for measure in measures.values()]
    count = len(found[0].mean) if found else 0
    columns = {name: np.repeat(np.array(list(names), dtype=object), len(found)) for name, names in things.items()}
    columns["measure"] = np.tile(np.array(list(measures), dtype=object), count)

    def together(name: str) -> FloatArray:
        return np.array([getattr(one, name) for one in found]).T.ravel()

    numbers = {name: together(name) for name in ("mean", "half_width", "lower", "upper")}
    return pd.DataFrame(columns | numbers)
