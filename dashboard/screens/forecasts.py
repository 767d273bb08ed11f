"""Can I trust the forecast? What was forecast before, held against what came; filters and the item in the URL."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, forecast_charts, forecast_queries, queries, stock_queries
from dashboard.forecast_actions import say_what_happened
from dashboard.forecast_forms import Setting, outliers_list, override_form, overrides_list
from dashboard.formats import count, day, money, units
from dashboard.page_head import plain, refusals_shown, start_page
from dashboard.stock_forms import go, tall
from service.forecast_review import TOO_HIGH, TOO_LOW, ForecastReview, ItemReview, answer

CLASSES = ("smooth", "erratic", "intermittent", "lumpy", "none")
MOST_ROWS = 500
column = st.column_config


# The answer


def show_answer(review: ForecastReview) -> None:
    """The answer in a sentence, and the two pictures that it rests on."""
    found = answer(review)
    if found is None:
        st.info(
            f"Nothing can be judged yet: that takes {2 * review.window_weeks + 3} weeks of orders."
            " Import more of your history: `stockwright import orders FILE`"
        )
        return
    st.markdown(f"**{plain(found.verdict)}.** {plain(found.said)} :gray[{plain(found.beside)}]")
    held, fell = st.columns([1.2, 1], gap="large")
    with held:
        st.markdown("#### Do levels hold what they promise?")
        st.plotly_chart(forecast_charts.calibration(review.calibration), config=charts.CONFIG, key="calibration")
    with fell:
        st.markdown("#### Where did demand fall?")
        st.plotly_chart(forecast_charts.pit(review.pit), config=charts.CONFIG, key="pit")
    weeks = count(review.window_weeks, "week")
    st.caption(
        f"Forecasts of {weeks} of demand (typical lead time + review), made again at {review.origins} past days up to"
        f" {day(review.as_of)} from what was known then, demand class included. Shaded: ± 2 standard errors. Slow items"
        " rightly lie on the line or above."
    )


# The worst


def filtered(items: pd.DataFrame) -> pd.DataFrame:
    """The items that the filters leave, most money first."""
    title, kind, alarm, category, search = st.columns([1.5, 2.9, 1.4, 1.6, 1.4], vertical_alignment="bottom")
    title.markdown("#### Where it costs most")
    there = [name for name in CLASSES if (items["demand_class"] == name).any()]
    asked = kind.segmented_control("Demand", there, key="class", bind="query-params")
    alarmed = alarm.segmented_control("Alarm", [TOO_LOW, TOO_HIGH], key="alarm", bind="query-params")
    kinds = sorted(items["category"].dropna().unique())
    chosen = category.multiselect(
        "Category", kinds, key="category", bind="query-params", placeholder="All categories", disabled=not kinds
    )
    text = search.text_input("Search", key="q", bind="query-params", placeholder="SKU or name")
    kept = items
    if asked:
        kept = kept[kept["demand_class"] == asked]
    if alarmed:
        kept = kept[kept["alarm"] == alarmed]
    if chosen:
        kept = kept[kept["category"].isin(chosen)]
    if text:
        kept = kept[(kept["sku"] + " " + kept["name"]).str.contains(text, case=False, regex=False)]
    return kept.sort_values("error_value", ascending=False, na_position="last", kind="stable").reset_index(drop=True)


def offenders(lines: pd.DataFrame, review: ForecastReview, currency: str) -> None:
    """The items whose forecasts cost most; a click opens one."""
    shown = lines.head(MOST_ROWS)
    table = shown.assign(
        demand=shown["demand_class"] + " · " + shown["abc"],
        error_value=shown["error_value"].round(),
        bias=shown["bias"] * 100,
        held=[_held(one) for one in shown.itertuples(index=False)],
        alarm=shown["alarm"].replace("", None),
    )
    key = f"items-{abs(hash(tuple(shown['sku'] + shown['location'])))}"

    def opened() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            row = shown.iloc[int(rows[0])]
            go(sku=str(row["sku"]), location=str(row["location"]), day=None)

    weeks = count(review.window_weeks, "week")
    st.dataframe(
        table[["sku", "name", "location", "error_value", "bias", "held", "alarm", "demand"]],
        key=key,
        hide_index=True,
        height=tall(len(table), 19),
        on_select=opened,
        selection_mode="single-row",
        placeholder="",
        column_config={
            "sku": column.TextColumn("SKU", width=78),
            "name": column.TextColumn("Name", width=136),
            "location": column.TextColumn("At", width=86),
            "error_value": column.ProgressColumn(
                f"Off by, {currency}",
                format="localized",
                min_value=0,
                max_value=max(float(table["error_value"].max()), 1.0) if table["error_value"].notna().any() else 1.0,
                width=98,
                help=f"How far the forecast of {weeks} was off, on average, at cost",
            ),
            "bias": column.NumberColumn("Bias", format="%+.0f %%", width=58, help="Above 0: forecast too high"),
            "held": column.TextColumn("95 % held", width=70, help="How often demand stayed within the 95 % level"),
            "alarm": column.TextColumn(
                "Alarm", width=66, help="The tracking signal says that the forecast leans to one side"
            ),
            "demand": column.TextColumn(
                "Demand", width=98, help="Pattern as of now, and class by a year's demand at cost"
            ),
        },
    )
    more = f", the first {MOST_ROWS:,} shown" if len(lines) > MOST_ROWS else ""
    st.caption(f"{count(len(lines), 'item')}{more}. Click one to see its forecasts.")


def _held(line: Any) -> str:
    if not line.forecasts:
        return ""
    return f"{round(line[line._fields.index('coverage_95')] * line.forecasts)} of {line.forecasts}"


# One item


def chosen_item(review: ForecastReview, lines: pd.DataFrame) -> tuple[str, str] | None:
    """The item that the URL names, else the first of the table."""
    sku, location = st.query_params.get("sku"), st.query_params.get("location")
    if sku:
        own = review.points[review.points["sku"] == sku]
        places = own["location"].tolist()
        if location in places or not places:
            return sku, location or ""
        return sku, str(places[0])
    return None if lines.empty else (str(lines["sku"].iloc[0]), str(lines["location"].iloc[0]))


def show_item(setting: Setting, item: ItemReview) -> None:
    """How the item was forecast, what is expected, and the form to say otherwise."""
    point, measures = item.point, item.measures
    st.markdown(f"#### {plain(str(point['sku']))} · {plain(str(point['name']))} :small[:gray[{point['location']}]]")
    said = [f"{measures['demand_class']} demand", str(measures["life_cycle"]), f"class {measures['abc']}"]
    if measures["alarm"]:
        said.append(f":orange[alarm: forecast {measures['alarm']}]")
    weekly = item.planned / item.protection_days * 7
    said.append(f"**{units(item.planned)} units** expected in {item.protection_days:.0f} days, {units(weekly)} a week")
    st.markdown(f":small[{' · '.join(said)}]")
    st.plotly_chart(
        forecast_charts.fan(item.history, item.judged, item.coming, item.coming_statistical),
        config=charts.CONFIG,
        key="fan",
    )
    st.caption(_fan_words(setting, item))
    if item.said:
        st.markdown(f":orange-badge[your word] :small[{plain(item.said)}]")
    _say_unusual(setting, item)
    override_form(setting, item)
    links = {"sku": str(point["sku"]), "location": str(point["location"])}
    st.page_link("screens/item.py", label=":primary[Its history, stock and orders]", query_params=links)


def _say_unusual(setting: Setting, item: ItemReview) -> None:
    """Days of the item that wait for the planner's judgement."""
    flags = setting.planner.flags
    for flag in flags[flags["unique_id"] == item.point.name].itertuples():
        st.markdown(
            f":orange-badge[unusual] :small[{flag.units:,.0f} on {flag.day.day} {flag.day:%b %Y},"
            f" {flag.times:,.0f} times the largest other day: accept or exclude it below.]"
        )


def _fan_words(setting: Setting, item: ItemReview) -> str:
    span = f"Units per {count(setting.review.window_weeks, 'week')}; the last band is of those to come."
    if item.judged.empty:
        return f"{span} No past forecast can be judged: too little is known of its demand."
    held = int(item.judged["held"].sum())
    worth = money(float(item.measures["error_value"]), setting.currency)
    return plain(
        f"{span} The 95 % level held {held} of {len(item.judged)} times; a forecast was off by {worth} at cost."
    )


where = start_page("Can I trust the forecast?", needs_plan=False)
with refusals_shown():
    version = queries.version()
    review = forecast_queries.review()
    planner = forecast_queries.planner(version)
    setting = Setting(review, planner, stock_queries.today(where.terms.time_zone), where.terms.currency)
    show_answer(review)
    say_what_happened()
    lines = filtered(review.items.rename(columns={"coverage_0.95": "coverage_95"}))
    listed, opened = st.columns([1.3, 1], gap="medium")
    with listed:
        if lines.empty:
            st.info("No item fits these filters.")
        else:
            offenders(lines, review, setting.currency)
    with opened, st.container(border=True):
        named = chosen_item(review, lines)
        item = None if named is None else forecast_queries.item(version, *named)
        if item is not None:
            show_item(setting, item)
        elif named is not None:
            st.info(f"There is no item {plain(named[0])}.")
        else:
            st.caption("Nothing to show.")
    overrides_list(setting)
    outliers_list(setting)
