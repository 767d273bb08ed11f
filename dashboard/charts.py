"""Frames to pictures. Colours are Okabe and Ito's, which the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from service.proof import picture

BLUE, SKY, ORANGE, VERMILLION, GREEN, GREY = "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#009E73", "#8A97A3"
GRID = "rgba(138, 151, 163, 0.22)"
CONFIG: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False}


def _figure(height: int, *, left: int = 0, top: int = 8) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": left, "r": 8, "t": top, "b": 0},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        hovermode="x unified",
        bargap=0.25,
        separators=".,",
    )
    figure.update_xaxes(gridcolor=GRID, showgrid=False, zeroline=False, title=None, tickformat="%-d %b\n%Y")
    figure.update_yaxes(gridcolor=GRID, zeroline=False, title=None, tickformat=",", rangemode="tozero")
    return figure


def weekly_sales(weeks: pd.DataFrame, currency: str, *, height: int = 300) -> go.Figure:
    """Sales of each week with what came back below the line."""
    figure = _figure(height, top=30)
    hover = f"%{{y:,.0f}} {currency}"
    figure.add_bar(x=weeks["week"], y=weeks["value"], name="sold", marker_color=BLUE, hovertemplate=hover)
    figure.add_bar(
        x=weeks["week"],
        y=-weeks["returned_value"],
        name="came back",
        marker_color=VERMILLION,
        customdata=weeks["returned_value"],
        hovertemplate=f"%{{customdata:,.0f}} {currency}",
    )
    figure.add_scatter(
        x=weeks["week"],
        y=weeks["value"].rolling(8, min_periods=8).mean(),
        name="mean of 8 weeks",
        line={"color": ORANGE, "width": 2.5},
        hovertemplate=hover,
    )
    figure.update_layout(barmode="relative")
    figure.update_yaxes(tickformat="~s", ticksuffix="")
    return figure


def stock_by_cover(bands: pd.DataFrame, currency: str, *, height: int = 190) -> go.Figure:
    """Money in stock by how long it lasts; too little and too much stand out."""
    figure = _figure(height)
    colours = [VERMILLION, ORANGE, BLUE, SKY, GREY]
    figure.add_bar(
        y=bands["cover"],
        x=bands["value"],
        orientation="h",
        marker_color=colours,
        text=[
            f" {currency} {value:,.0f} · {number:,} item{'' if number == 1 else 's'}"
            for value, number in zip(bands["value"], bands["items"], strict=True)
        ],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    most = float(bands["value"].max()) if len(bands) else 1.0
    figure.update_xaxes(visible=False, range=[0, max(most, 1.0) * 1.6])
    figure.update_yaxes(autorange="reversed", showgrid=False, tickformat=None, type="category")
    figure.update_layout(hovermode=False)
    return figure


def order_value(lines: pd.DataFrame, currency: str, *, most: int = 10) -> go.Figure:
    """What the shown orders cost, per supplier (per SKU where no supplier is known)."""
    by = "supplier" if (lines["supplier"] != "").any() else "sku"
    named = lines[by].where(lines[by] != "", "no supplier")
    totals = lines.groupby(named)["order_value"].sum().sort_values(ascending=False)
    shown, rest = totals.iloc[:most], totals.iloc[most:]
    if len(rest):
        shown = pd.concat([shown, pd.Series({f"{len(rest):,} others": rest.sum()})])
    figure = _figure(max(110, 26 * len(shown) + 10))
    figure.add_bar(
        y=shown.index.to_list(),
        x=shown.to_list(),
        orientation="h",
        marker_color=BLUE,
        text=[f" {currency} {value:,.0f}" for value in shown],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure.update_xaxes(visible=False, range=[0, max(float(shown.max()), 1.0) * 1.25] if len(shown) else [0, 1])
    figure.update_yaxes(autorange="reversed", showgrid=False, tickformat=None, type="category")
    figure.update_layout(hovermode=False)
    return figure


def position(line: Mapping[str, Any]) -> go.Figure:
    """Where a SKU stands against its reorder point and its order-up-to level."""
    figure = _figure(118, top=26)
    available = max(line["on_hand"] - line["unshipped"], 0)
    parts = [
        ("free" if line["unshipped"] else "on hand", available, BLUE, "white"),
        ("on order", line["on_order"], SKY, "black"),
        ("to order", line["order_quantity"], ORANGE, "black"),
    ]
    for name, units, colour, ink in parts:
        if units > 0:
            figure.add_bar(
                y=[""],
                x=[units],
                name=name,
                orientation="h",
                marker_color=colour,
                textfont_color=ink,
                text=[f"{name} {units:,}"],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                hovertemplate=f"{name}: {units:,}<extra></extra>",
            )
    end = max(line["order_up_to_level"], line["inventory_position"] + line["order_quantity"], 1)
    for name, at, dash, colour, anchor in (
        ("reorder point", line["reorder_point"], "dash", VERMILLION, "right"),
        ("order up to", line["order_up_to_level"], "dot", GREY, "left"),
    ):
        figure.add_vline(x=at, line_dash=dash, line_color=colour, line_width=2)
        figure.add_annotation(
            x=at,
            y=1.0,
            yref="paper",
            yanchor="bottom",
            xanchor=anchor,
            showarrow=False,
            text=f"{name} {at:,}",
            font_size=12,
        )
    figure.update_layout(barmode="stack", showlegend=False, hovermode="closest", bargap=0.1)
    figure.update_xaxes(range=[0, end * 1.3], tickformat=",", showgrid=True)
    figure.update_yaxes(visible=False)
    return figure


def proof(result: Mapping[str, Any]) -> go.Figure:
    """Fill rate bought by each amount of stock, under the plan and under the rule of thumb: the proof's own picture."""
    currency = result["currency"]
    figure = _figure(300, top=30)
    figure.add_traces(picture(result).data)
    figure.update_traces(
        mode="lines+markers",
        hovertemplate=f"%{{text}}: %{{y:.1%}} met with {currency} %{{x:,.0f}}<extra></extra>",
    )
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(title=f"average stock at cost, {currency}", tickformat=",", showgrid=True, title_font_size=12)
    figure.update_yaxes(title="demand met, by value", tickformat=".0%", rangemode="normal", title_font_size=12)
    return figure


def demand(weeks: pd.DataFrame, forecast: pd.DataFrame, days_out: pd.DataFrame, as_of: date) -> go.Figure:
    """A year of weekly demand, the days without stock, and what the coming weeks may bring."""
    figure = _figure(275, top=34)
    figure.update_xaxes(type="date")
    _shade_days(figure, days_out, weeks)
    figure.add_bar(
        x=weeks["week"],
        y=weeks["sold"],
        name="ordered",
        marker_color=BLUE,
        customdata=weeks["days_out"],
        hovertemplate="%{y:,.0f} units, %{customdata} days without stock",
    )
    unmet = (weeks["estimate"] - weeks["sold"]).clip(lower=0)
    if (unmet > 0.05).any():
        figure.add_bar(
            x=weeks["week"],
            y=unmet.where(unmet > 0.05),
            name="estimated beyond stock",
            marker_color=SKY,
            marker_pattern_shape="/",
            hovertemplate="+%{y:,.1f}",
        )
    unknown = weeks[weeks["estimate"].isna()]
    if len(unknown):
        figure.add_scatter(
            x=unknown["week"],
            y=[0] * len(unknown),
            name="left out: too few days in stock",
            mode="markers",
            marker={"symbol": "x", "size": 7, "color": VERMILLION},
            hovertemplate="left out of the forecast",
        )
    _band(figure, forecast, "q0.05", "q0.95", "90 % of outcomes", "rgba(0, 158, 115, 0.18)")
    _band(figure, forecast, "q0.25", "q0.75", "50 % of outcomes", "rgba(0, 158, 115, 0.38)")
    figure.add_scatter(
        x=forecast["ds"],
        y=forecast["mean"],
        name="expected",
        line={"color": GREEN, "width": 2.5},
        mode="lines",
        hovertemplate="%{y:,.1f}",
    )
    _today(figure, as_of)
    figure.update_layout(barmode="stack")
    return figure


def _band(figure: go.Figure, forecast: pd.DataFrame, low: str, high: str, name: str, colour: str) -> None:
    figure.add_scatter(
        x=forecast["ds"],
        y=forecast[low],
        line={"width": 0, "shape": "linear"},
        showlegend=False,
        hoverinfo="skip",
        mode="lines",
    )
    figure.add_scatter(
        x=forecast["ds"],
        y=forecast[high],
        name=name,
        fill="tonexty",
        fillcolor=colour,
        mode="lines",
        line={"width": 0},
        customdata=forecast[low],
        hovertemplate="%{customdata:,.0f} to %{y:,.0f}",
    )


def _shade_days(figure: go.Figure, days_out: pd.DataFrame, weeks: pd.DataFrame) -> None:
    """Vertical bands over unbroken runs of days that ended without stock."""
    if days_out.empty or weeks.empty:
        return
    days = days_out.loc[days_out["ds"] > weeks["week"].iloc[0] - pd.Timedelta(days=7), "ds"]
    run = (days.diff() != pd.Timedelta(days=1)).cumsum()
    for _, block in days.groupby(run):
        figure.add_vrect(
            x0=block.iloc[0],
            x1=block.iloc[-1] + pd.Timedelta(days=1),
            fillcolor=VERMILLION,
            opacity=0.13,
            line_width=0,
            layer="below",
        )
    if len(days):
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name="out of stock",
            hoverinfo="skip",
            marker={"symbol": "square", "size": 11, "color": VERMILLION, "opacity": 0.3},
        )


def _today(figure: go.Figure, as_of: date) -> None:
    figure.add_vline(x=pd.Timestamp(as_of).isoformat(), line_color=GREY, line_width=1, line_dash="dot")


def stock(
    history: pd.DataFrame,
    without: pd.DataFrame,
    with_order: pd.DataFrame | None,
    arrivals: pd.DataFrame,
    *,
    reorder_point: int | None,
    as_of: date,
    since: pd.Timestamp,
) -> go.Figure:
    """Stock as it was counted and booked, and as it is expected with and without the recommended order."""
    figure = _figure(255, top=34)
    figure.update_xaxes(type="date")
    if len(history):
        before = history[history["ds"] <= since].tail(1)
        shown = pd.concat([before.assign(ds=since), history[history["ds"] > since]])
        end = pd.DataFrame({"ds": [pd.Timestamp(as_of)], "on_hand": [history["on_hand"].iloc[-1]]})
        shown = pd.concat([shown[["ds", "on_hand"]], end])
        figure.add_scatter(
            x=shown["ds"],
            y=shown["on_hand"],
            name="on hand",
            line={"color": BLUE, "width": 2, "shape": "hv"},
            hovertemplate="%{y:,.0f}",
        )
    figure.add_scatter(
        x=without["ds"],
        y=without["on_hand"],
        name="expected from what is on order",
        line={"color": GREY, "width": 2, "dash": "dash"},
        hovertemplate="%{y:,.0f}",
    )
    if with_order is not None:
        figure.add_scatter(
            x=with_order["ds"],
            y=with_order["on_hand"],
            name="expected with this order",
            line={"color": ORANGE, "width": 2.5},
            hovertemplate="%{y:,.0f}",
        )
    if len(arrivals):
        figure.add_scatter(
            x=arrivals["ds"],
            y=[0] * len(arrivals),
            mode="markers+text",
            name="arrivals",
            text=[f" +{units:,}" for units in arrivals["units"]],
            textposition="middle right",
            marker={"symbol": "triangle-up", "size": 11, "color": GREEN},
            customdata=arrivals["what"],
            hovertemplate="%{text} %{customdata}",
            cliponaxis=False,
        )
    if reorder_point is not None:
        figure.add_hline(
            y=reorder_point,
            line_dash="dash",
            line_color=VERMILLION,
            line_width=1.5,
            annotation_text=f"reorder point {reorder_point:,} (of the position: on hand + on order)",
            annotation_position="top left",
            annotation_font_size=12,
        )
    _today(figure, as_of)
    return figure


AGE_COLOURS = (GREEN, SKY, BLUE, ORANGE, VERMILLION)


def order_funnel(steps: pd.DataFrame, ages: Sequence[str], chosen: str | None) -> go.Figure:
    """Open orders by state, each bar made of bands of age, the youngest first.

    Args:
        steps: From the top: status, name, says (what stands behind the bar), and the orders of each band of age.
        ages: Names of the bands.
        chosen: The state that the list is narrowed to.
    """
    figure = _figure(44 * len(steps) + 50, top=34)
    for name, colour in zip(ages, AGE_COLOURS, strict=True):
        figure.add_bar(
            y=steps["status"],
            x=steps[name],
            name=name,
            orientation="h",
            marker_color=colour,
            customdata=steps["name"],
            hovertemplate=f"%{{x:,}} %{{customdata}} for {name}<extra></extra>",
        )
    totals = steps[list(ages)].sum(axis="columns")
    figure.add_scatter(
        y=steps["status"],
        x=totals,
        text=[f" {said}" for said in steps["says"]],
        mode="text",
        textposition="middle right",
        textfont_size=13,
        cliponaxis=False,
        showlegend=False,
        hoverinfo="skip",
    )
    figure.update_layout(barmode="stack", bargap=0.35, hovermode="closest", clickmode="event+select", dragmode=False)
    figure.update_xaxes(visible=False, range=[0, max(float(totals.max()), 1.0) * 1.4])
    labels = [
        f"<b>{name}</b>" if status == chosen else name
        for status, name in zip(steps["status"], steps["name"], strict=True)
    ]
    figure.update_yaxes(
        autorange="reversed", showgrid=False, tickformat=None, type="category", tickmode="array",
        tickvals=steps["status"], ticktext=labels,
    )  # fmt: skip
    return figure


def stock_by_place_and_age(places: pd.DataFrame, ages: pd.DataFrame, currency: str) -> go.Figure:
    """Value of stock by place, places that sell before the others in colour, and by how long it has been with us.

    Args:
        places: location, kind, units, value.
        ages: age, units, value, youngest first.
        currency: Of the values.
    """
    figure = _figure(max(150, 26 * max(len(places), len(ages)) + 30), top=28)
    sells = places["kind"].isin(["warehouse", "store"])
    said = places["location"].where(sells, places["location"] + " (" + places["kind"].str.replace("_", " ") + ")")
    panels = (
        ("x", "y", said, places, [BLUE if here else GREY for here in sells]),
        ("x2", "y2", ages["age"], ages, list(AGE_COLOURS)),
    )
    for x, y, names, frame, colours in panels:
        figure.add_bar(
            y=names,
            x=frame["value"],
            orientation="h",
            xaxis=x,
            yaxis=y,
            marker_color=colours,
            text=[
                f" {currency} {value:,.0f} · {units:,} unit{'' if units == 1 else 's'}"
                for value, units in zip(frame["value"], frame["units"], strict=True)
            ],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    rooms = (
        (0.0, 0.5, places["value"], "Value by place"),
        (0.57, 1.0, ages["value"], "Value by how long it has been with us"),
    )
    for (begin, end, values, title), axis in zip(rooms, ("", "2"), strict=True):
        most = max(float(values.max()) if len(values) else 1.0, 1.0)
        figure.update_layout(
            {
                f"xaxis{axis}": {"domain": [begin, end], "anchor": f"y{axis}", "visible": False,
                                 "range": [0, most * 1.75]},
                f"yaxis{axis}": {"anchor": f"x{axis}", "autorange": "reversed", "showgrid": False,
                                 "tickformat": None, "type": "category"},
            }
        )  # fmt: skip
        figure.add_annotation(
            text=f"<b>{title}</b>", x=begin, y=1.0, xref="paper", yref="paper", xanchor="left", yanchor="bottom",
            showarrow=False, font_size=13,
        )  # fmt: skip
    figure.update_layout(showlegend=False, hovermode=False)
    return figure


def promises(
    days: Sequence[date],
    units: Sequence[int],
    coming: pd.DataFrame,
    owed: pd.DataFrame,
    *,
    until: date,
) -> go.Figure:
    """What can be promised from each day on, with what is to come and what is promised already.

    Args:
        days: The days on which it changes, from today.
        units: What can be promised from each of them to the next.
        coming: day, units, what (the purchase order and how it stands).
        owed: day, units.
        until: The last day shown.
    """
    figure = _figure(230, top=34)
    begin = days[0] - timedelta(days=1)  # room for half a bar of today
    figure.update_xaxes(type="date", range=[begin.isoformat(), until.isoformat()], hoverformat="%-d %b %Y")
    if len(coming):
        figure.add_bar(
            x=coming["day"],
            y=coming["units"],
            width=16 * 3_600_000,
            name="to come",
            marker_color=GREEN,
            customdata=coming["what"],
            hovertemplate="+%{y:,} %{customdata}",
        )
    if len(owed):
        figure.add_bar(
            x=owed["day"],
            y=-owed["units"],
            width=16 * 3_600_000,
            name="promised",
            marker_color=VERMILLION,
            customdata=owed["units"],
            hovertemplate="−%{customdata:,}",
        )
    figure.add_scatter(
        x=[*days, until],
        y=[*units, units[-1]],
        name="can be promised",
        mode="lines",
        line={"color": BLUE, "width": 2.5, "shape": "hv"},
        hovertemplate="%{y:,}",
    )
    figure.update_layout(barmode="relative")
    figure.update_yaxes(rangemode="tozero")
    return figure
