"""The log of events as frames: everything that happened, and one order's life."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simulation.scenario import TICKS_PER_DAY, Scenario
from simulation.tallies import EVENT_NAMES, EventLog

if TYPE_CHECKING:
    import pandas as pd

    from simulation.results import SimulationResult

Names = npt.NDArray[np.object_]
OF_STREAMS = ("delivery", "return inspected", "order", "dispatched")
OF_STATIONS = ("work done", "work begun", "work queued", "turned away")


def log_frame(scenario: Scenario, log: EventLog) -> pd.DataFrame:
    """Events in order: replication, day, event, place, stream, number, units, level.

    `place` is the name of the stream or station, or the SKU and site of the stock point, that the event is about.
    `stream` is that of the order an event belongs to, and `number` the order's; where there is none, the customer's
    or replenishment order's, or −1. Of parcels `level` is their number in the order, or −1 less it for one found lost.
    """
    import pandas as pd

    names = np.array(EVENT_NAMES, dtype=object)[log.event]
    of_streams, of_stations = np.isin(names, OF_STREAMS), np.isin(names, OF_STATIONS)
    keyed = of_stations | ((names == "restock") & (log.number >= 0))
    streams = np.array([stream.name for stream in scenario.streams], dtype=object)
    stations = np.array([station.name for station in scenario.stations], dtype=object)
    points = np.array([f"{point.sku} @ {point.site}" for point in scenario.points], dtype=object)
    count = max(len(streams), 1)
    place, stream = _blank(len(names)), _blank(len(names))
    place[of_streams] = stream[of_streams] = streams[log.place[of_streams]]
    place[of_stations] = stations[log.place[of_stations]]
    of_points = ~(of_streams | of_stations)
    place[of_points] = points[log.place[of_points]]
    stream[keyed] = streams[log.number[keyed] % count]
    return pd.DataFrame(
        {
            "replication": log.replication,
            "day": log.tick / TICKS_PER_DAY,
            "event": names,
            "place": place,
            "stream": stream,
            "number": np.where(keyed, log.number // count, log.number),
            "units": log.units,
            "level": log.level,
        }
    )


def order_life(
    result: SimulationResult, number: int, *, stream: str | None = None, replication: int | None = None
) -> pd.DataFrame:
    """What an order went through, in order: place, phase, start, end (days).

    Phases are "waits for goods" (at "stock"), "waits" and "is worked on" (at a station), "under way" (with its
    carrier) and "comes back". What had not ended by the end of the run ends there.

    Args:
        result: Of a run with `log=True`.
        number: Of the order in its stream, from 0.
        stream: Its name; by default the first.
        replication: Its number; by default the first there is.

    Raises:
        ValueError: a run without a log, or no such stream or order in it.
    """
    import pandas as pd

    named = {one.name: one for one in result.scenario.streams}
    spec = named.get(stream) if stream is not None else next(iter(named.values()), None)
    if spec is None:
        raise ValueError(f"stream must be one of {', '.join(named) or 'the scenario, which has none'}, got {stream}")
    wanted = result.tallies.first_replication if replication is None else replication
    log = result.log
    rows = log[(log["replication"] == wanted) & (log["stream"] == spec.name) & (log["number"] == number)]
    if not (rows["event"] == "order").any():
        raise ValueError(f"number must be that of an order of stream {spec.name} in replication {wanted}, got {number}")
    end = result.warm_up_days + result.tallies.days
    phases = _goods(rows, spec.route, end)
    for station in dict.fromkeys(rows["place"][rows["event"].isin(OF_STATIONS)]):
        phases += _station(rows[rows["place"] == station], station, end)
    phases += _carried(rows, spec.carrier or "customer", end)
    order = ["place", "phase", "start", "end"]
    return pd.DataFrame(phases, columns=order).sort_values(["start", "end"], kind="stable").reset_index(drop=True)


Phase = tuple[str, str, float, float]


def _goods(rows: pd.DataFrame, route: tuple[str, ...], end: float) -> list[Phase]:
    """From the order to each moment at which goods of it set out; work that begins again is left out."""
    came = _days(rows, "order")[0]
    if route:
        again = set(_days(rows[rows["place"] == route[-1]], "work done"))
        first = rows[rows["place"] == route[0]]
        out = [day for day in _joins(first) if day not in again]
    else:
        out = _days(rows, "dispatched")
    units = int(rows["units"][rows["event"] == "order"].iloc[0])
    if not out and units > 0:
        out = [end]
    return [("stock", "waits for goods", came, day) for day in sorted(set(out)) if day > came]


def _joins(rows: pd.DataFrame) -> list[float]:
    """When jobs came to a station: those that waited, and those that were begun without."""
    queued, begun = _days(rows, "work queued"), _days(rows, "work begun")
    at_once = list(begun)
    for day in queued:
        later = next((one for one in at_once if one >= day), None)
        if later is not None:
            at_once.remove(later)
    return sorted(queued + at_once)


def _station(rows: pd.DataFrame, station: str, end: float) -> list[Phase]:
    phases: list[Phase] = []
    begun = _days(rows, "work begun")
    done = _days(rows, "work done")
    left = list(begun)
    for day in _days(rows, "work queued"):
        until = next((one for one in left if one >= day), end)
        if until in left:
            left.remove(until)
        phases.append((station, "waits", day, until))
    for position, day in enumerate(begun):
        phases.append((station, "is worked on", day, done[position] if position < len(done) else end))
    return phases


def _carried(rows: pd.DataFrame, carrier: str, end: float) -> list[Phase]:
    came = {_parcel(level): day for level, day in _levels(rows, "delivery")}
    phases: list[Phase] = []
    for parcel, day in _levels(rows, "dispatched"):
        phases.append((carrier, "under way", day, came.get(parcel, end)))
    for parcel, day in _levels(rows, "return inspected"):
        phases.append(("return", "comes back", came[parcel], day))
    return phases


def _parcel(level: int) -> int:
    """Number of a parcel, found lost or not."""
    return level if level >= 0 else -1 - level


def _days(rows: pd.DataFrame, event: str) -> list[float]:
    return [float(day) for day in rows["day"][rows["event"] == event]]


def _levels(rows: pd.DataFrame, event: str) -> list[tuple[int, float]]:
    chosen = rows[rows["event"] == event]
    return [(int(level), float(day)) for level, day in zip(chosen["level"], chosen["day"], strict=True)]


def _blank(count: int) -> Names:
    return np.full(count, "", dtype=object)
