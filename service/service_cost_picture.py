"""The picture of what service costs: the least stock for every fill rate, and where today and the plan lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.errors import StockwrightError
from service.service_cost import Chosen, ServiceCost, ServicePoint, drawn_curve

FRONTIER, COVER, TODAY, PLAN, CHOSEN = "least stock", "same weeks for all", "today", "plan", "chosen"
BLUE, ORANGE, VERMILLION, GREEN, GREY = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#8A97A3"


def picture(cost: ServiceCost, plan: ServicePoint | None, chosen: Chosen | None = None) -> Any:
    """Stock value against demand met: the curve, today, the plan's target and a chosen one, as a plotly figure.

    Args:
        cost: What service costs.
        plan: What the plan's target comes to; None where it cannot be reached.
        chosen: Another target to show.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    stock, rates = drawn_curve(cost)
    currency = cost.terms.currency
    hover = f"%{{y:.1%}} met with {currency} %{{x:,.0f}}<extra>%{{fullData.name}}</extra>"
    figure.add_scatter(
        x=stock, y=rates, name=FRONTIER, mode="lines", line={"color": BLUE, "width": 3}, hovertemplate=hover
    )
    figure.add_scatter(
        x=cost.cover["stock_value"].tolist(),
        y=cost.cover["fill_rate"].tolist(),
        text=[f"{weeks:g} weeks" for weeks in cost.cover["weeks"]],
        name=COVER,
        mode="lines+markers+text",
        textposition="bottom right",
        textfont={"color": GREY},
        line={"color": ORANGE, "width": 2, "dash": "dash"},
        marker={"symbol": "diamond", "size": 8},
        hovertemplate=hover,
    )
    marks: list[tuple[str, ServicePoint | None, str, str]] = [
        (TODAY, cost.today, VERMILLION, "x"),
        (PLAN, plan, GREEN, "square"),
        (CHOSEN, None if chosen is None else chosen.point, "#000000", "circle-open"),
    ]
    for name, point, colour, symbol in marks:
        if point is not None:
            figure.add_scatter(
                x=[point.stock_value],
                y=[point.fill_rate],
                name=name,
                mode="markers",
                marker={"symbol": symbol, "size": 14, "color": colour, "line": {"width": 3, "color": colour}},
                hovertemplate=hover,
            )
    _bound(figure, cost, [point for _, point, _, _ in marks if point is not None])
    figure.update_layout(
        title="What service costs",
        xaxis_title=f"average stock at cost, {currency}",
        yaxis_title="demand met from stock, by value",
        template="plotly_white",
        legend={"orientation": "h", "y": 1.04, "x": 1, "xanchor": "right"},
        margin={"r": 40, "t": 70, "b": 60, "l": 70},
        width=1000,
        height=560,
    )
    figure.update_xaxes(tickformat=",")
    figure.update_yaxes(tickformat=".0%")
    return figure


def _bound(figure: Any, cost: ServiceCost, points: list[ServicePoint]) -> None:
    """Show where planners choose, not the far ends of the curve; the budget is a line where it lies in sight."""
    stock = [point.stock_value for point in points] + cost.cover["stock_value"].tolist()
    rates = [point.fill_rate for point in points] + cost.cover["fill_rate"].tolist()
    right = max(stock) * 1.12
    low = min(rates)
    left = min(min(stock), cost.curve.stock_value_at(max(low, float(cost.curve.fill_rate[0]))) or min(stock))
    figure.update_xaxes(range=[max(left - 0.05 * (right - left), 0), right])
    figure.update_yaxes(range=[max(low - 0.06 * (1 - low), 0), 1 + 0.03 * (1 - low)])
    budget = cost.terms.stock_budget
    if budget is not None and left < budget < right:
        figure.add_vline(
            x=budget, line_color=GREY, line_dash="dot", annotation_text="budget", annotation_position="bottom right"
        )


def write_picture(figure: Any, path: Path) -> None:
    """Write the picture as one self-contained HTML page.

    Raises:
        StockwrightError: the folder does not exist.
    """
    if not path.absolute().parent.is_dir():
        raise StockwrightError(f"cannot write {path}: there is no folder {path.absolute().parent}")
    figure.write_html(path, include_plotlyjs=True, config={"displayModeBar": False})
