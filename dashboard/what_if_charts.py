"""The pictures of a what-if: differences with their intervals, the stock to come as a fan, costs by kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts import BLUE, GREEN, GREY, GRID, ORANGE, SKY, VERMILLION
from service.what_if_comparison import PURCHASES

COLOURS = {"as planned": BLUE, "changed": VERMILLION, "planned anew": GREEN}
SYMBOLS = {"changed": "circle", "planned anew": "diamond"}
COST_COLOURS = {"holding cost": SKY, "ordering cost": ORANGE, "lost margin": VERMILLION}
_LEGEND = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left", "traceorder": "normal"}


def differences(table: pd.DataFrame, currency: str, *, height: int = 250) -> go.Figure:
    """What differs from the plan and by how much, with 95 % intervals: shares in points, the rest in money.

    Args:
        table: As `what_if_comparison.measures_table` gives it. Purchases are left out, beside which nothing else could
            be seen, and so is what stays nought.
        currency: Of its money.
        height: Pixels.
    """
    is_nought = (table["base"] == 0) & (table["changed"] == 0)
    table = table[(table["measure"] != PURCHASES) & ~is_nought]
    figure = make_subplots(rows=1, cols=2, column_widths=[0.42, 0.58], horizontal_spacing=0.17)
    for name in table["scenario"].unique():
        of_one = table[table["scenario"] == name]
        for place, unit in enumerate(("share", "money"), start=1):
            rows = of_one[of_one["unit"] == unit].iloc[::-1]
            factor, said = (100, "points") if unit == "share" else (1, currency)
            figure.add_scatter(
                x=rows["difference"] * factor,
                y=rows["measure"],
                error_x={"type": "data", "array": rows["half_width"] * factor, "thickness": 2, "width": 5},
                mode="markers",
                name=name,
                legendgroup=name,
                showlegend=place == 1,
                marker={"size": 10, "color": COLOURS[name], "symbol": SYMBOLS[name]},
                hovertemplate=f"%{{y}}: %{{x:+,.1f}} ± %{{error_x.array:,.1f}} {said}<extra>{name}</extra>",
                row=1,
                col=place,
            )
    figure.add_vline(x=0, line_color=GREY, line_width=1.5)
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 12, "t": 30, "b": 0},
        legend=_LEGEND,
        separators=".,",
        hovermode="closest",
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, title_font_size=12, title_font_color=GREY)
    figure.update_xaxes(title="points more or less", tickformat="+,.3~g", rangemode="tozero", row=1, col=1)
    figure.update_xaxes(title=f"{currency} more or less", tickformat="+,.2~s", rangemode="tozero", row=1, col=2)
    figure.update_yaxes(gridcolor=GRID, showgrid=True, automargin=True)
    return figure


def stock_fans(fans: Mapping[str, pd.DataFrame], first: date, currency: str, *, height: int = 280) -> go.Figure:
    """Stock at cost day by day: the median, and where 9 of 10 futures lie.

    Args:
        fans: Scenario → quantiles by day, columns 0.05, 0.5 and 0.95 among them.
        first: The first day.
        currency: Of its money.
        height: Pixels.
    """
    figure = go.Figure()
    for name, fan in fans.items():
        days = [first + timedelta(days=number) for number in range(len(fan))]
        colour = COLOURS[name]
        figure.add_scatter(
            x=days + days[::-1],
            y=[*fan[0.95], *fan[0.05][::-1]],
            fill="toself",
            fillcolor=_faint(colour),
            line={"width": 0},
            hoverinfo="skip",
            name=name,
            legendgroup=name,
            showlegend=False,
        )
        figure.add_scatter(
            x=days,
            y=fan[0.5],
            name=name,
            legendgroup=name,
            line={"color": colour, "width": 2.5, "dash": "dash" if name == "planned anew" else "solid"},
            customdata=fan[[0.05, 0.95]].to_numpy(),
            hovertemplate=f"{currency} %{{y:,.0f}} (%{{customdata[0]:,.0f}} to %{{customdata[1]:,.0f}})",
        )
    figure.update_layout(
        height=height, margin={"l": 0, "r": 8, "t": 30, "b": 0}, legend=_LEGEND, hovermode="x unified", separators=".,"
    )
    figure.update_xaxes(showgrid=False, zeroline=False, tickformat="%-d %b\n%Y")
    figure.update_yaxes(gridcolor=GRID, zeroline=False, tickformat="~s", rangemode="tozero")
    return figure


def _faint(colour: str) -> str:
    """A colour through which others are seen."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.16)"


def costs(table: pd.DataFrame, currency: str, *, height: int = 280) -> go.Figure:
    """What each scenario costs beside the goods, by kind.

    Args:
        table: scenario, kind, mean, in the order to be drawn.
        currency: Of its money.
        height: Pixels.
    """
    figure = go.Figure()
    for kind, rows in table.groupby("kind", sort=False):
        figure.add_bar(
            x=rows["scenario"],
            y=rows["mean"],
            name=str(kind),
            marker_color=COST_COLOURS[str(kind)],
            hovertemplate=f"{currency} %{{y:,.0f}}<extra>%{{x}}: {kind}</extra>",
        )
    totals = table.groupby("scenario", sort=False)["mean"].sum()
    figure.add_scatter(
        x=list(totals.index),
        y=totals,
        mode="text",
        text=[f"{total:,.0f}" for total in totals],
        textposition="top center",
        showlegend=False,
        hoverinfo="skip",
    )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 30, "b": 0},
        legend=_LEGEND,
        barmode="stack",
        bargap=0.45,
        separators=".,",
        hovermode="closest",
    )
    figure.update_xaxes(showgrid=False, zeroline=False)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, tickformat="~s", rangemode="tozero")
    return figure


def stations(table: pd.DataFrame, *, height: int = 260) -> go.Figure:
    """How busy each station is, and how long 95 of 100 orders wait there at most.

    Args:
        table: As `what_if_orders.stations_table` gives it.
        height: Pixels.
    """
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.12)
    for name, colour in (("as it is", BLUE), ("changed", VERMILLION)):
        rows = table[table["scenario"] == name]
        for place, (what, said) in enumerate((("utilisation", "%{y:.0%}"), ("wait_p95_hours", "%{y:.1f} h")), start=1):
            figure.add_bar(
                x=rows["station"],
                y=rows[what],
                name=name,
                legendgroup=name,
                showlegend=place == 1 and not rows.empty,
                marker_color=colour,
                hovertemplate=f"%{{x}}: {said}<extra>{name}</extra>",
                row=1,
                col=place,
            )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 30, "b": 0},
        legend=_LEGEND,
        barmode="group",
        bargap=0.4,
        separators=".,",
    )
    figure.update_xaxes(showgrid=False, zeroline=False)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, rangemode="tozero", title_font_size=12, title_font_color=GREY)
    figure.update_yaxes(title="share of open hours at work", tickformat=".0%", row=1, col=1)
    figure.update_yaxes(title="wait of 95 of 100 orders, hours", row=1, col=2)
    return figure
