"""All that the planner said of demand, as known at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
from sqlalchemy import Connection

from data import demand_input_frames, outlier_frames


@dataclass(frozen=True)
class DemandSaid:
    """What the planner said of demand, as frames of `data.demand_input_frames` and `data.outlier_frames`.

    Attributes:
        overrides: Those that cover days after the plan's, oldest first.
        events: The calendar.
        successions: Which SKU takes over from which, from when, and how much.
        analogues: Which SKUs a new one is like.
        excluded: Demand that does not count, by SKU, location and day.
        accepted: Unusual days that are demand.
    """

    overrides: pd.DataFrame
    events: pd.DataFrame
    successions: pd.DataFrame
    analogues: pd.DataFrame
    excluded: pd.DataFrame
    accepted: pd.DataFrame


def demand_said(connection: Connection, *, as_of: date, known_at: datetime) -> DemandSaid:
    """Read what had been said before a moment, and was not withdrawn before it."""
    return DemandSaid(
        overrides=demand_input_frames.active_overrides(connection, as_of=as_of, closed_at=known_at),
        events=demand_input_frames.demand_events(connection, closed_at=known_at),
        successions=demand_input_frames.successions(connection, closed_at=known_at),
        analogues=demand_input_frames.analogues(connection, closed_at=known_at),
        excluded=demand_input_frames.excluded_demand(connection, as_of=as_of, closed_at=known_at),
        accepted=outlier_frames.accepted_days(connection, as_of=as_of, closed_at=known_at),
    )
