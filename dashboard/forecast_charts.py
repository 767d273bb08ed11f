"""Pictures of how far a forecast can be trusted."""

from __future__ import annotations

from datetime import timedelta
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import BLUE, GREEN, GREY, GRID, ORANGE, SKY, VERMILLION

CLASSES = {
    "smooth": (SKY, "circle"),
    "erratic": (ORANGE, "diamond"),
    "intermittent": (GREEN, "square"),
    "lumpy": (VERMILLION, "triangle-up"),
}
"""Demand classes with the colour and the sign they are drawn in."""
SHOWN_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
LEAST_RISK = 0.001
"""Beyond this share on either side all is drawn alike: the axis has no end."""
WIDE, NARROW = ("q0.05", "q0.95"), ("q0.2", "q0.8")
DAY_MS = 24 * 3_600_000


def _figure(height: int, *, top: int = 8) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": top, "b": 0},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        hovermode="closest",
        separators=".,",
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, showgrid=False, title_font_size=12)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, title_font_size=12)
    return figure


def _stretched(shares: Any) -> np.ndarray[Any, Any]:
    """Shares on an axis that gives the tail the room it has in the stock: that of the normal distribution."""
    normal = NormalDist()
    clipped = np.clip(np.asarray(shares, dtype=np.float64), LEAST_RISK, 1 - LEAST_RISK)
    return np.array([normal.inv_cdf(share) for share in clipped.tolist()])


def calibration(held: pd.DataFrame) -> go.Figure:
    """What levels promised against what they held, for all and by demand class; on the line is as promised.

    Args:
        held: As `ForecastReview.calibration`.
    """
    figure = _figure(270, top=34)
    ticks = _stretched(SHOWN_LEVELS)
    ends = [float(ticks[0]) - 0.25, float(ticks[-1]) + 0.3]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", name="as promised", showlegend=False, hoverinfo="skip",
        line={"color": GREY, "dash": "dash", "width": 1.5},
    )  # fmt: skip
    shown = held[held["level"].isin(SHOWN_LEVELS)]
    whole = shown[shown["class"] == "all"]
    _error_band(figure, whole)
    offset = -0.06
    for name, (colour, sign) in CLASSES.items():
        own = shown[shown["class"] == name]
        offset += 0.024
        if own.empty:
            continue
        number = int(own["forecasts"].iloc[0])
        figure.add_scatter(
            x=_stretched(own["level"]) + offset,
            y=_stretched(own["covered"]),
            name=name,
            mode="markers",
            marker={"color": colour, "symbol": sign, "size": 9},
            customdata=np.column_stack([own["level"], own["covered"]]),
            hovertemplate=f"{name}, {number:,} forecasts: %{{customdata[0]:.0%}} held %{{customdata[1]:.1%}}"
            "<extra></extra>",
        )
    figure.add_scatter(
        x=_stretched(whole["level"]),
        y=_stretched(whole["covered"]),
        name="all",
        mode="lines+markers",
        line={"color": BLUE, "width": 3},
        marker={"size": 9},
        customdata=np.column_stack([whole["level"], whole["covered"], 2 * whole["standard_error"]]),
        hovertemplate="all: %{customdata[0]:.0%} held %{customdata[1]:.1%} ± %{customdata[2]:.1%}<extra></extra>",
    )
    labels = {"tickmode": "array", "tickvals": ticks, "ticktext": [f"{level:.0%}" for level in SHOWN_LEVELS]}
    figure.update_xaxes(title="promised: demand stays within the level", range=ends, showgrid=True, **labels)
    lowest = min(float(_stretched(shown["covered"]).min()), ends[0]) - 0.1
    figure.update_yaxes(title="held", range=[lowest, float(_stretched([0.999])[0]) + 0.1], **labels)
    for text, x, y, anchors in (
        ("more than promised:<br>stock is higher than need be", 0.02, 0.98, ("left", "top")),
        ("less than promised:<br>it runs out more often", 0.99, 0.03, ("right", "bottom")),
    ):
        figure.add_annotation(
            text=text, x=x, y=y, xref="paper", yref="paper", xanchor=anchors[0], yanchor=anchors[1],
            align=anchors[0], showarrow=False, font={"size": 12, "color": GREY},
        )  # fmt: skip
    return figure


def _error_band(figure: go.Figure, whole: pd.DataFrame) -> None:
    """Twice the standard error on both sides of what all forecasts held."""
    error = 2 * whole["standard_error"].where(np.isfinite(whole["standard_error"]), 0.0)
    x = _stretched(whole["level"])
    for values, fill in ((whole["covered"] - error, None), (whole["covered"] + error, "tonexty")):
        figure.add_scatter(
            x=x, y=_stretched(values), mode="lines", line={"width": 0}, fill=fill,
            fillcolor="rgba(0, 114, 178, 0.18)", showlegend=False, hoverinfo="skip",
        )  # fmt: skip


def pit(bins: pd.DataFrame) -> go.Figure:
    """Where demand fell in the forecasts' distributions; level bars mean that they say what they know.

    Args:
        bins: As `ForecastReview.pit`.
    """
    figure = _figure(270, top=34)
    width = (bins["right"] - bins["left"]).to_numpy()
    figure.add_bar(
        x=bins["left"],
        y=bins["density"],
        width=width,
        offset=0,
        marker={"color": BLUE, "line": {"width": 1, "color": "rgba(255, 255, 255, 0.6)"}},
        customdata=np.column_stack([bins["left"], bins["right"], bins["share"], width]),
        hovertemplate="%{customdata[2]:.1%} fell between the %{customdata[0]:.0%} and %{customdata[1]:.0%} levels,"
        " where %{customdata[3]:.0%} should<extra></extra>",
        showlegend=False,
    )
    figure.add_hline(y=1, line_dash="dash", line_color=GREY, line_width=1.5)
    most = max(float(bins["density"].max()) if len(bins) else 1.0, 1.5)
    places = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]
    figure.update_xaxes(
        title="level of the forecast that demand reached", range=[-0.01, 1.01], tickmode="array", tickvals=places,
        ticktext=[f"{place:.0%}" for place in places],
    )  # fmt: skip
    figure.update_yaxes(title="times as often as it should", range=[0, most * 1.12], rangemode="tozero")
    for text, x, anchor in (("less came than expected", 0.0, "left"), ("more came than expected", 1.0, "right")):
        figure.add_annotation(
            text=text, x=x, y=1.0, yref="paper", xanchor=anchor, yanchor="bottom", showarrow=False,
            font={"size": 12, "color": GREY},
        )  # fmt: skip
    return figure


def fan(history: pd.DataFrame, judged: pd.DataFrame, coming: pd.DataFrame, without_planner: float) -> go.Figure:
    """Demand of whole windows as it came, and the bands that were forecast for them beforehand.

    Args:
        history: start, end, units.
        judged: start, end, mean, actual, held and quantiles.
        coming: One row: start, end, mean and quantiles.
        without_planner: Units expected in the coming window before the planner's word.
    """
    figure = _figure(300, top=34)
    figure.update_xaxes(type="date", tickformat="%-d %b\n%Y")
    figure.update_yaxes(rangemode="tozero", tickformat=",")
    known = history[history["units"].notna()]
    figure.add_bar(
        x=_middle(known),
        y=known["units"],
        width=_width(known) * 0.55,
        name="demanded",
        marker_color=BLUE,
        customdata=_days(known),
        hovertemplate="%{customdata}: %{y:,.0f} units demanded<extra></extra>",
    )
    bands = pd.concat([judged.drop(columns=["actual", "held"]), coming], ignore_index=True)
    for (low, high), name, colour in (
        (WIDE, "90 % band", "rgba(0, 158, 115, 0.26)"),
        (NARROW, "60 % band", "rgba(0, 158, 115, 0.42)"),
    ):
        figure.add_bar(
            x=_middle(bands),
            base=bands[low],
            y=bands[high] - bands[low],
            width=_width(bands) * 0.94,
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            customdata=np.column_stack([_days(bands), bands[low], bands[high]]),
            hovertemplate="%{customdata[0]}: %{customdata[1]:,.0f} to %{customdata[2]:,.0f}<extra></extra>",
        )
    _expected(figure, bands)
    missed = judged[~judged["held"].astype(bool)]
    if len(missed):
        figure.add_scatter(
            x=_middle(missed), y=missed["actual"], mode="markers", name="beyond",
            marker={"symbol": "triangle-up", "size": 12, "color": VERMILLION},
            hovertemplate="%{y:,.0f} units came<extra></extra>",
        )  # fmt: skip
    if abs(float(coming["mean"].iloc[0]) - without_planner) > 0.05:
        figure.add_scatter(
            x=_middle(coming), y=[without_planner], mode="markers", name="without your word",
            marker={"symbol": "diamond-open", "size": 11, "color": ORANGE, "line": {"width": 2.5}},
            hovertemplate="%{y:,.1f} units without overrides and events<extra></extra>",
        )  # fmt: skip
    start = pd.Timestamp(coming["start"].iloc[0]).isoformat()
    figure.add_vline(x=start, line_color=GREY, line_width=1, line_dash="dot")
    figure.update_layout(barmode="overlay")
    return figure


def _expected(figure: go.Figure, bands: pd.DataFrame) -> None:
    """A line across each window at what was expected."""
    x: list[Any] = []
    y: list[Any] = []
    for one in bands.itertuples():
        x += [one.start, one.end + timedelta(days=1), None]
        y += [one.mean, one.mean, None]
    figure.add_scatter(
        x=x, y=y, mode="lines", name="expected", line={"color": GREEN, "width": 3},
        hovertemplate="%{y:,.1f} units expected<extra></extra>",
    )  # fmt: skip


def _middle(windows: pd.DataFrame) -> Any:
    return windows["start"] + (windows["end"] + timedelta(days=1) - windows["start"]) / 2


def _width(windows: pd.DataFrame) -> Any:
    return ((windows["end"] - windows["start"]).dt.days + 1).to_numpy() * DAY_MS


def _days(windows: pd.DataFrame) -> list[str]:
    return [f"{one.start:%-d %b} to {one.end:%-d %b %Y}" for one in windows.itertuples()]
