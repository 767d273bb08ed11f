"""Reads of the forecasts page: the review is kept until the history changes, the planner's word until it does."""

from __future__ import annotations

import streamlit as st

from dashboard import queries
from dashboard.queries import database
from service import forecast_review, planner_review
from service.forecast_review import ForecastReview, ItemReview
from service.planner_review import PlannerReview


@st.cache_resource(show_spinner="Making the forecasts of past weeks again …", max_entries=2)
def _review(history: str) -> ForecastReview:  # noqa: ARG001
    return forecast_review.forecast_review(database(), as_of=queries.standing().as_of, at=queries.now())


def review() -> ForecastReview:
    """What was forecast and what came; it changes with the history and with what of it is to count.

    Raises:
        NothingToPlan: there are no orders.
    """
    return _review(queries.demand_version(with_overrides=False))


@st.cache_resource(show_spinner=False, max_entries=4)
def _planner(at_version: str, history: str) -> PlannerReview:  # noqa: ARG001
    return planner_review.planner_review(database(), _review(history).inputs, at=queries.now())


def planner(at_version: str) -> PlannerReview:
    """What the planner said of demand."""
    return _planner(at_version, queries.demand_version(with_overrides=False))


def item(at_version: str, sku: str, location: str) -> ItemReview | None:
    """How one item is forecast."""
    return forecast_review.item_review(review(), planner(at_version), sku=sku, location=location)
