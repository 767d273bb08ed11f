"""Forms of the forecasts page: override an item, take overrides back, judge unusual demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.forecast_actions import Said, act, form_key
from dashboard.formats import count, day, money, share, units
from dashboard.order_actions import Undo
from dashboard.page_head import plain
from dashboard.stock_forms import DAY, go, tall
from orders.demand_inputs import Withdrawn, withdraw_input
from orders.forecast_overrides import Override, OverrideKind, OverrideSet, override_forecast
from orders.outliers import OutlierDecided, OutlierDecision, OutlierVerdict, decide_outlier
from service.forecast_review import ForecastReview, ItemReview, preview_override
from service.planner_review import PlannerReview

KINDS = {
    "Set": (OverrideKind.SET, "Units a week", "Instead of the forecast"),
    "Multiply": (OverrideKind.MULTIPLY, "Factor", "Times the forecast: 1.5 is half as much again"),
    "Add": (OverrideKind.ADD, "Units a week", "On top of the forecast; below 0 for fewer"),
}
USUAL_WEEKS = 4
"""How long an override lasts unless another day is chosen."""
UNDONE = "undone on the page"

_OVERRIDE_COLUMNS = (
    "sku", "location", "says", "from_date", "until_date", "status", "added", "reason", "recorded_by", "act",
)  # fmt: skip

column = st.column_config


@dataclass(frozen=True)
class Setting:
    """What every form needs to know."""

    review: ForecastReview
    planner: PlannerReview
    today: date
    currency: str

    @property
    def next_day(self) -> date:
        """The first day that is forecast."""
        return self.review.as_of + timedelta(days=1)


# Overriding


def override_form(setting: Setting, item: ItemReview) -> None:
    """Say what demand will be, see what that changes, and save it."""
    sku, location = str(item.point["sku"]), str(item.point["location"])
    form = f"{form_key('override')}-{sku}-{location}"
    kind_at, value_at, where_at = st.columns([1.7, 1, 1.15], vertical_alignment="bottom")
    chosen = kind_at.segmented_control("Override", list(KINDS), default="Multiply", key=f"{form}-kind", required=True)
    kind, label, meaning = KINDS[chosen or "Multiply"]
    value = value_at.number_input(
        label, value=_start_value(kind, item), step=0.1 if kind == OverrideKind.MULTIPLY else 1.0, format="%.4g",
        min_value=None if kind == OverrideKind.ADD else 0.0, key=f"{form}-value-{kind}", help=meaning,
    )  # fmt: skip
    places = setting.review.points.loc[setting.review.points["sku_id"] == item.point["sku_id"], "location"]
    where = where_at.selectbox("Where", [location, "all places"] if len(places) > 1 else [location], key=f"{form}-at")
    from_at, until_at, why_at = st.columns([1.15, 1.15, 1.7], vertical_alignment="bottom")
    starts = from_at.date_input("From", value=setting.next_day, key=f"{form}-from", format="DD/MM/YYYY")
    least = max(setting.today, starts or setting.next_day)
    until = until_at.date_input(
        "Until", value=max(least, setting.next_day + timedelta(weeks=USUAL_WEEKS) - timedelta(days=1)),
        min_value=least, key=f"{form}-until-{least}", format="DD/MM/YYYY", help="After it the forecast holds again",
    )  # fmt: skip
    reason = why_at.text_input("Reason", key=f"{form}-why", placeholder="listed by a second retailer")
    said_at, go_at = st.columns([2.6, 1], vertical_alignment="center")
    wanted_now = go_at.button("Override", type="primary", key=f"{form}-post", width="stretch", disabled=not until)
    if value is None or starts is None or until is None:
        return
    everywhere = where != location
    shown = preview_override(
        setting.review, setting.planner, sku=sku, location=location, kind=kind, value=float(value), starts=starts,
        until=until, is_everywhere=everywhere, reason=reason or "…", by=queries.actor().name,
    )  # fmt: skip
    with said_at:
        _say_preview(setting, item, before=shown.before, after=shown.after, elsewhere=shown.elsewhere)
    if wanted_now:
        request = Override(
            sku, kind, float(value), until, reason, location=None if everywhere else location, starts=starts
        )
        act("override", override_forecast, request, say=_said_overridden(request))


def _start_value(kind: OverrideKind, item: ItemReview) -> float:
    if kind == OverrideKind.SET:
        return round(item.expected / item.protection_days * 7, 1)
    return 1.0 if kind == OverrideKind.MULTIPLY else 0.0


def _say_preview(setting: Setting, item: ItemReview, *, before: float, after: float, elsewhere: int) -> None:
    until = setting.review.as_of + timedelta(days=round(item.protection_days))
    span = f"{item.protection_days:.0f} days to {until.day} {until:%b %Y} (lead time + review)"
    if abs(before - after) < 0.005 and not elsewhere:
        st.caption(f"Changes nothing so far: {units(before)} units expected in the {span}.")
        return
    more = f", and at {count(elsewhere, 'other place')}" if elsewhere else ""
    st.markdown(f"**{units(before)} → {units(after)} units** expected in the {span}{more}.")


def _said_overridden(request: Override) -> Callable[[OverrideSet], Said]:
    def say(done: OverrideSet) -> Said:
        older = f" It wins over {', '.join(f'override {one}' for one in done.supersedes)}." if done.supersedes else ""
        where = f" at {request.location}" if request.location else ""
        text = f"{done.sku}{where}: {_says(request.kind, request.value)} until {day(request.until)}."
        undo = Undo(withdraw_input, ("override", done.number, UNDONE), f"override-{done.number}")
        return Said(f"{text}{older} The next plan counts with it.", undo)

    return say


def _says(kind: str, value: float) -> str:
    words = {"set": f"{value:,.4g} a week", "multiply": f"{value:,.4g} × the forecast", "add": f"{value:+,.4g} a week"}
    return words[kind]


# Overrides there are


def overrides_list(setting: Setting) -> None:
    """Overrides in force and past, what they were worth, and a way to take them back."""
    st.markdown("#### Overrides, and whether they helped")
    known = setting.planner.overrides
    if known.empty:
        st.caption("Nobody overrides a forecast. Choose an item above and say what you know.")
        return
    st.markdown(_worth(setting))
    shown = known.assign(
        location=known["location"].fillna("all places"),
        says=[_says(*one) for one in zip(known["kind"], known["value"], strict=True)],
        added=[_added(one, setting.currency) for one in known.itertuples()],
        act=["Withdraw" if status != "expired" else None for status in known["status"]],
    )
    key = f"withdraw-{abs(hash(tuple(known['number'])))}"
    table = shown if known["added"].notna().any() else shown.assign(added=None)
    st.dataframe(
        table[list(_OVERRIDE_COLUMNS)],
        hide_index=True,
        height=tall(len(shown), 8),
        placeholder="",
        column_config={
            "sku": column.TextColumn("SKU", width=80),
            "location": column.TextColumn("At", width=90),
            "says": column.TextColumn("Says", width=120),
            "from_date": column.DateColumn("From", format=DAY, width=90),
            "until_date": column.DateColumn("Until", format=DAY, width=90),
            "status": column.TextColumn("Status", width=80),
            "added": column.TextColumn(
                "Error taken away", width=180, help="Beside the forecast without it, on the days that have passed"
            ),
            "reason": column.TextColumn("Reason", width=330),
            "recorded_by": column.TextColumn("By", width=80),
            "act": column.ButtonColumn("", type="tertiary", width=80, key=key, on_click=_ask_to_withdraw,
                                       args=(known["number"].tolist(), key)),
        },
    )  # fmt: skip
    asked = st.session_state.pop("forecasts-withdraw", None)
    if asked is not None:
        row = known[known["number"] == asked].iloc[0]
        act("withdraw", withdraw_input, "override", int(asked), None, say=_said_withdrawn(row))


def _ask_to_withdraw(numbers: list[int], key: str) -> None:
    st.session_state["forecasts-withdraw"] = numbers[st.session_state[key]["row"]]


def _said_withdrawn(row: Any) -> Callable[[Withdrawn], Said]:
    def say(done: Withdrawn) -> Said:
        location = row["location"] if isinstance(row["location"], str) else None
        again = Override(str(row["sku"]), str(row["kind"]), float(row["value"]), row["until_date"], str(row["reason"]),
                         location=location, starts=row["from_date"])  # fmt: skip
        undo = Undo(override_forecast, (again,), f"again-{done.number}")
        return Said(f"Withdrew override {done.number} of {row['sku']}: the forecast holds again.", undo)

    return say


def _worth(setting: Setting) -> str:
    worth = setting.planner.value_added
    if not worth.overrides:
        return ":gray[None of them has run yet: what they were worth is told when days have passed.]"
    luck = f" (± {share(2 * worth.standard_error)})" if worth.overrides > 1 else ""
    word = "took" if worth.share >= 0 else "added"
    way = "off the error" if worth.share >= 0 else "to the error"
    return plain(
        f"{count(worth.overrides, 'override')} of which days have passed {word}"
        f" {share(abs(worth.share))}{luck} of demand {way}, {money(abs(worth.value), setting.currency)} at cost."
    )


def _added(one: Any, currency: str) -> str:
    if pd.isna(one.added):
        return ""
    sign = "+" if one.added >= 0 else "−"
    return f"{sign}{units(abs(one.added))} units, {sign}{money(abs(one.added_value), currency)}"


# Unusual demand


def outliers_list(setting: Setting) -> None:
    """Days that stand apart from all else, to accept as demand or to exclude, and what was decided before."""
    st.markdown("#### Unusual demand")
    flags, decided = setting.planner.flags, setting.planner.decided
    if flags.empty:
        st.caption("No day of any item stands apart from the rest of its history.")
    else:
        st.caption("They teach the forecast until you exclude them. Choose one to decide.")
        _flags_table(setting, flags)
    if len(decided):
        with st.expander(f"Decided: {len(decided):,}"):
            _decided_table(decided)


def _flags_table(setting: Setting, flags: pd.DataFrame) -> None:
    """The days; a click opens the item and asks for a verdict."""
    key = f"flags-{abs(hash(tuple(flags['unique_id'])))}-{abs(hash(tuple(flags['day'])))}"

    def opened() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            flag = flags.iloc[int(rows[0])]
            go(sku=str(flag["sku"]), location=str(flag["location"]), day=f"{flag['day']:%Y-%m-%d}")

    st.dataframe(
        flags.assign(orders=[_orders(one) for one in flags.itertuples()])[
            ["sku", "name", "location", "day", "units", "times", "value", "orders"]
        ],
        key=key,
        hide_index=True,
        height=tall(len(flags), 6),
        on_select=opened,
        selection_mode="single-row",
        column_config={
            "sku": column.TextColumn("SKU", width=80),
            "name": column.TextColumn("Name", width=240),
            "location": column.TextColumn("At", width=90),
            "day": column.DateColumn("Day", format=DAY, width=90),
            "units": column.NumberColumn("Units", format="localized", width=65),
            "times": column.NumberColumn("× the next", format="%.0f", width=80, help="Over the largest other day"),
            "value": column.NumberColumn(f"Value, {setting.currency}", format="%,.0f", width=90, help="At cost"),
            "orders": column.TextColumn("By", width=240),
        },
    )
    asked = [st.query_params.get(name, "") for name in ("sku", "location", "day")]
    for _, flag in flags.iterrows():
        if [flag["sku"], flag["location"], f"{flag['day']:%Y-%m-%d}"] == asked:
            _decide_form(flag)


def _orders(flag: Any) -> str:
    """Who ordered so much."""
    if flag.lines == 1:
        return f"order {flag.order}"
    return f"{count(int(flag.lines), 'order line')}, {flag.order_units:,.0f} by order {flag.order}"


def _decide_form(flag: pd.Series[Any]) -> None:
    form = form_key(f"outlier-{flag['unique_id']}-{flag['day']:%Y%m%d}")
    with st.form(f"{form}-form"):
        st.markdown(f"**{plain(str(flag['sku']))}** at **{plain(str(flag['location']))}**, {day(flag['day'])}:"
                    f" {plain(str(flag['why']))}.")  # fmt: skip
        why = st.text_input("Reason", key=f"{form}-why", placeholder="one customer, cancelled by telephone")
        with st.container(horizontal=True):
            out = st.form_submit_button("Exclude: a one-off", type="primary", key=f"{form}-out")
            kept = st.form_submit_button("Accept: it is demand", key=f"{form}-kept")
    if out or kept:
        verdict = OutlierVerdict.EXCLUDED if out else OutlierVerdict.ACCEPTED
        request = OutlierDecision(str(flag["sku"]), verdict, why, flag["day"].date(), str(flag["location"]))
        act(f"outlier-{flag['unique_id']}-{flag['day']:%Y%m%d}", decide_outlier, request, say=_said_decided)


def _said_decided(done: OutlierDecided) -> Said:
    what = "no longer teaches the forecast" if done.decision == OutlierVerdict.EXCLUDED else "is demand"
    undo = Undo(withdraw_input, ("outlier", done.number, UNDONE), f"outlier-{done.number}")
    return Said(f"{done.sku} on {day(done.day)} {what}.", undo)


def _decided_table(decided: pd.DataFrame) -> None:
    key = f"decided-{abs(hash(tuple(decided['number'])))}"
    st.dataframe(
        decided.assign(location=decided["location"].fillna("all places"), act="Withdraw")[
            ["sku", "location", "day", "order", "decision", "reason", "recorded_by", "act"]
        ],
        hide_index=True,
        height=tall(len(decided), 6),
        placeholder="",
        column_config={
            "sku": column.TextColumn("SKU", width=80),
            "location": column.TextColumn("At", width=90),
            "day": column.DateColumn("Day", format=DAY, width=90),
            "order": column.TextColumn("Order", width=80),
            "decision": column.TextColumn("Decision", width=80),
            "reason": column.TextColumn("Reason", width=170),
            "recorded_by": column.TextColumn("By", width=70),
            "act": column.ButtonColumn("", type="tertiary", width=80, key=key, on_click=_ask_to_open,
                                       args=(decided["number"].tolist(), key)),
        },
    )  # fmt: skip
    asked = st.session_state.pop("forecasts-reopen", None)
    if asked is not None:
        act("reopen", withdraw_input, "outlier", int(asked), None, say=_said_reopened)


def _ask_to_open(numbers: list[int], key: str) -> None:
    st.session_state["forecasts-reopen"] = numbers[st.session_state[key]["row"]]


def _said_reopened(done: Withdrawn) -> Said:
    return Said(f"Withdrew decision {done.number}: it is open again.")
