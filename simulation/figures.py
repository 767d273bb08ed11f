"""Results to plotly figures. Colours are Okabe and Ito's, which the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simulation.arrays import FloatArray, IntArray
from simulation.scenario_measures import COST_KINDS

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from simulation.network_picture import NetworkPicture
    from simulation.results import Comparison, SimulationResult

BLUE, SKY, ORANGE, VERMILLION = "#0072B2", "#56B4E9", "#E69F00", "#D55E00"
GREEN, YELLOW, PURPLE, GREY, INK = "#009E73", "#F0E442", "#CC79A7", "#8A97A3", "#3B4650"
GRID = "rgba(138, 151, 163, 0.22)"
KIND_COLOURS = dict(zip(COST_KINDS, (BLUE, SKY, GREY, VERMILLION, ORANGE, YELLOW, GREEN, PURPLE, INK), strict=True))


def fan(
    result: SimulationResult,
    what: str = "on_hand",
    *,
    sku: str | None = None,
    site: str | None = None,
    quantiles: Sequence[float] = (0.05, 0.25, 0.75, 0.95),
    height: int = 380,
) -> go.Figure:
    """Units over the days: the median and bands between quantiles over replications.

    Args:
        result: Of a run with `daily=True`.
        what: "on_hand", "on_order", "backordered" or "net" (on hand less backordered).
        sku, site: Only stock points of these, added up; by default all.
        quantiles: An even number, ascending, strictly between 0 and 1; the first and the last bound the widest band.
        height: Pixels.

    Raises:
        ValueError: a run without states by day, no such stock point, or quantiles that make no bands.
    """
    if len(quantiles) % 2 or list(quantiles) != sorted(set(quantiles)) or not all(0 < one < 1 for one in quantiles):
        raise ValueError(f"quantiles must be an even number, ascending, between 0 and 1, got {list(quantiles)}")
    units = _daily_units(result, what, sku, site)
    day = np.arange(units.shape[1]) + 1
    figure = _figure(height)
    bands = np.quantile(units, quantiles, axis=0)
    for low in range(len(quantiles) // 2):
        high = len(quantiles) - 1 - low
        name = f"{_percent(quantiles[low])} to {_percent(quantiles[high])}"
        shade = f"rgba(0, 114, 178, {0.14 + 0.14 * low:.2f})"
        edge: dict[str, Any] = {"x": day, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        figure.add_scatter(y=bands[low], showlegend=False, legendgroup=name, **edge)
        figure.add_scatter(y=bands[high], fill="tonexty", fillcolor=shade, name=name, legendgroup=name, **edge)
    median = np.quantile(units, 0.5, axis=0)
    figure.add_scatter(x=day, y=median, name="median", line={"color": BLUE, "width": 2.2}, hovertemplate="%{y:,.0f}")
    figure.update_xaxes(title="day")
    figure.update_yaxes(title=f"{what.replace('_', ' ')}, units", rangemode="normal" if what == "net" else "tozero")
    return figure


def cost_breakdown(results: Sequence[SimulationResult], *, height: int | None = None) -> go.Figure:
    """Cost per day by kind: a bar for each scenario, its total and the interval of that at the end."""
    figure = _figure(height or 130 + 46 * len(results))
    frames = [result.costs.set_index("kind") for result in results]
    names = [result.scenario.name for result in results]
    for kind in COST_KINDS:
        means = [float(frame["mean"][kind]) for frame in frames]
        if any(means):
            hover = f"{kind} %{{x:,.4~g}} a day<extra></extra>"
            figure.add_bar(
                y=names, x=means, name=kind, orientation="h", marker_color=KIND_COLOURS[kind], hovertemplate=hover
            )
    totals = [float(frame["mean"]["total"]) for frame in frames]
    widths = [float(frame["half_width"]["total"]) for frame in frames]
    figure.add_scatter(
        x=totals,
        y=names,
        mode="markers+text",
        name="total",
        marker={"color": INK, "size": 5},
        error_x={"type": "data", "array": np.nan_to_num(widths), "color": INK, "thickness": 1.4},
        text=[f"  {_short(total)}" for total in totals],
        textposition="top right",
        cliponaxis=False,
        hovertemplate="total %{x:,.4~g} a day<extra></extra>",
    )
    figure.update_layout(barmode="relative", hovermode="closest")
    figure.update_xaxes(title="cost per day", showgrid=True)
    figure.update_yaxes(autorange="reversed", type="category", title=None)
    return figure


def differences(comparison: Comparison, measure: str = "total_cost", *, height: int | None = None) -> go.Figure:
    """What each scenario changes in a measure, with the interval of the difference to the first scenario.

    A difference is coloured where its interval leaves out 0.
    """
    rows = comparison.of(measure).iloc[1:]
    figure = _figure(height or 120 + 40 * max(len(rows), 1))
    width = rows["difference_half_width"].fillna(0.0).to_numpy()
    mean = rows["difference"].to_numpy()
    figure.add_scatter(
        x=mean,
        y=list(rows.index),
        mode="markers",
        marker={"size": 10, "color": [BLUE if abs(m) > w else GREY for m, w in zip(mean, width, strict=True)]},
        error_x={"type": "data", "array": width, "color": INK, "thickness": 1.6, "width": 6},
        customdata=width,
        hovertemplate="%{y}: %{x:,.4~g} ± %{customdata:,.3~g}<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=0.0, line={"color": INK, "width": 1, "dash": "dot"})
    first = comparison.results[0].scenario.name
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(title=f"{measure.replace('_', ' ')}: difference to {first}", showgrid=True)
    figure.update_yaxes(autorange="reversed", type="category", title=None)
    return figure


def cost_curve(curve: pd.DataFrame, chosen: int, *, column: str, value: str, height: int = 340) -> go.Figure:
    """A measure over the candidates of one stock point, with intervals; the chosen one stands out.

    Args:
        curve: Rows of one stock point, with `column`, `value` and `value`_half_width.
        chosen: The candidate chosen.
        column: "reorder_point" or "order_up_to_level".
        value: "cost" or "fill_rate".
        height: Pixels.
    """
    figure = _figure(height)
    rows = curve.sort_values(column)
    width = rows[f"{value}_half_width"].fillna(0.0)
    figure.add_scatter(
        x=rows[column],
        y=rows[value],
        mode="lines+markers",
        line={"color": BLUE, "width": 1.6},
        marker={"size": [13 if level == chosen else 6 for level in rows[column]]},
        error_y={"type": "data", "array": width, "color": GREY, "thickness": 1.2},
        hovertemplate="%{y:,.4~g}",
        showlegend=False,
    )
    figure.add_vline(x=chosen, line={"color": VERMILLION, "width": 1.4, "dash": "dot"})
    figure.update_xaxes(title=column.replace("_", " "))
    figure.update_yaxes(title=value.replace("_", " "), rangemode="normal")
    return figure


PHASE_COLOURS = {
    "waits for goods": VERMILLION,
    "waits": ORANGE,
    "is worked on": BLUE,
    "under way": GREEN,
    "comes back": PURPLE,
}


def order_trace(
    result: SimulationResult,
    number: int,
    *,
    stream: str | None = None,
    replication: int | None = None,
    height: int | None = None,
) -> go.Figure:
    """One order's life as a timeline: what it waited for, where it was worked on, when it came.

    Args:
        result: Of a run with `log=True`.
        number: Of the order in its stream, from 0.
        stream: Its name; by default the first.
        replication: Its number; by default the first there is.
        height: Pixels.

    Raises:
        ValueError: a run without a log, or no such order in it.
    """
    from simulation.event_frames import order_life

    life = order_life(result, number, stream=stream, replication=replication)
    places = list(dict.fromkeys(life["place"]))
    figure = _figure(height or 130 + 44 * len(places))
    for phase, colour in PHASE_COLOURS.items():
        rows = life[life["phase"] == phase]
        if len(rows):
            figure.add_bar(
                y=rows["place"],
                x=rows["end"] - rows["start"],
                base=rows["start"],
                name=phase,
                orientation="h",
                marker_color=colour,
                customdata=np.column_stack([rows["start"], rows["end"]]),
                hovertemplate=f"{phase} from day %{{customdata[0]:.3f}} to %{{customdata[1]:.3f}}<extra></extra>",
            )
    came = life["start"].min()
    figure.add_vline(x=came, line={"color": INK, "width": 1.2, "dash": "dot"}, annotation_text="ordered")
    figure.update_layout(barmode="overlay", hovermode="closest")
    figure.update_xaxes(title="day", showgrid=True)
    figure.update_yaxes(categoryorder="array", categoryarray=places[::-1], type="category")
    return figure


def flow(
    result: SimulationResult, *, replication: int | None = None, most_frames: int = 120, height: int = 480
) -> go.Figure:
    """Stocks, pipelines and queues over the network, played day by day.

    Suppliers stand at the left, sites by their distance from them, stations at the right; areas grow with units and
    jobs. What is under way to a site is shown between it and its source.

    Args:
        result: Of a run with `daily=True`.
        replication: Position of the one shown; by default the mean over all.
        most_frames: Days are left out evenly beyond this.
        height: Pixels.

    Raises:
        ValueError: a run without states by day.
    """
    from simulation.network_picture import network_picture

    picture = network_picture(result, replication=replication)
    days = len(picture.amounts)
    shown = np.unique(np.linspace(0, days - 1, min(days, most_frames)).round().astype(int))
    return _animated(picture, shown, height)


def _animated(picture: NetworkPicture, days: IntArray, height: int) -> go.Figure:
    import plotly.graph_objects as go

    figure = _figure(height)
    x, y = zip(*picture.edges, strict=True) if picture.edges else ((), ())
    lines: dict[str, Any] = {"mode": "lines", "line": {"color": GRID, "width": 2}, "hoverinfo": "skip"}
    figure.add_scatter(x=_broken(x), y=_broken(y), showlegend=False, **lines)
    for trace in _bubbles(picture, int(days[0])):
        figure.add_trace(trace)
    moving = list(range(1, 1 + len(picture.kinds)))
    figure.frames = [go.Frame(name=str(day + 1), data=_bubbles(picture, int(day)), traces=moving) for day in days]
    step = {"frame": {"duration": 0, "redraw": True}, "mode": "immediate"}
    play = {"frame": {"duration": 120, "redraw": True}, "fromcurrent": True, "transition": {"duration": 0}}
    figure.update_layout(
        hovermode="closest",
        sliders=[
            {
                "x": 0.14,
                "len": 0.86,
                "currentvalue": {"prefix": "end of day "},
                "steps": [{"label": str(d + 1), "method": "animate", "args": [[str(d + 1)], step]} for d in days],
            }
        ],
        updatemenus=[
            {
                "type": "buttons",
                "direction": "left",
                "x": 0.0,
                "y": -0.08,
                "yanchor": "top",
                "buttons": [
                    {"label": "▶", "method": "animate", "args": [None, play]},
                    {"label": "❚❚", "method": "animate", "args": [[None], step]},
                ],
            }
        ],
    )
    figure.update_xaxes(visible=False, range=[-0.6, picture.width + 0.6])
    figure.update_yaxes(visible=False, range=[-0.9, 0.9])
    return figure


def _bubbles(picture: NetworkPicture, day: int) -> list[Any]:
    """A trace for each kind of thing, as it stands at the end of a day."""
    import plotly.graph_objects as go

    colours = {"supplier": GREY, "on hand": BLUE, "under way": ORANGE, "backordered": VERMILLION, "jobs": GREEN}
    traces = []
    for kind in picture.kinds:
        chosen = [i for i, one in enumerate(picture.kind) if one == kind]
        amounts = picture.amounts[day, chosen]
        most = picture.most[kind]
        least = 0.0 if kind == "backordered" else 8.0
        sizes = least + 52 * np.sqrt(np.maximum(amounts, 0.0) / most) if most > 0 else np.full(len(chosen), least)
        labels = [picture.label(i, amount) for i, amount in zip(chosen, amounts, strict=True)]
        traces.append(
            go.Scatter(
                x=[picture.x[i] for i in chosen],
                y=[picture.y[i] for i in chosen],
                mode="markers+text",
                name=kind,
                marker={"size": sizes, "color": colours[kind], "opacity": 0.8, "line": {"width": 0}},
                text=labels,
                textposition="bottom center",
                hoverinfo="text",
            )
        )
    return traces


def _broken(pairs: Sequence[tuple[float, float]]) -> list[float | None]:
    """Line segments as one line with gaps."""
    return [value for pair in pairs for value in (*pair, None)]


# Pieces


def _daily_units(result: SimulationResult, what: str, sku: str | None, site: str | None) -> FloatArray:
    """Units of the chosen stock points together, shape (replication, day)."""
    kinds = ("on_hand", "on_order", "backordered", "net")
    if what not in kinds:
        raise ValueError(f"what must be one of {', '.join(kinds)}, got {what}")
    chosen = [
        position
        for position, point in enumerate(result.scenario.points)
        if (sku is None or point.sku == sku) and (site is None or point.site == site)
    ]
    if not chosen:
        asked = " at ".join(f"{name}" for name in (sku or "any SKU", site or "any site"))
        raise ValueError(f"scenario {result.scenario.name} must hold {asked}, got no such stock point")
    series = result.daily_series()
    units = series.on_hand - series.backordered if what == "net" else getattr(series, what)
    return np.asarray(units[:, :, chosen].sum(axis=2), dtype=np.float64)


def _figure(height: int) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 8, "r": 16, "t": 36, "b": 8},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        hovermode="x unified",
        separators=".,",
        bargap=0.35,
    )
    figure.update_xaxes(gridcolor=GRID, showgrid=False, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True)
    return figure


def _percent(chance: float) -> str:
    return f"{chance * 100:g} %"


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
