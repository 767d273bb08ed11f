"""The picture of what service costs, as the page shows it."""

from __future__ import annotations

import plotly.graph_objects as go

from dashboard.charts import GREY, GRID
from service.service_cost import Chosen, ServiceCost, ServicePoint
from service.service_cost_picture import CHOSEN, picture


def service_curve(cost: ServiceCost, plan: ServicePoint | None, chosen: Chosen, *, height: int = 430) -> go.Figure:
    """Least stock against fill rate, with today, the plan and what is chosen: the command's own picture."""
    figure: go.Figure = picture(cost, plan, chosen)
    figure.update_layout(
        template=None,
        title=None,
        width=None,
        height=height,
        margin={"l": 0, "r": 8, "t": 30, "b": 0},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left", "traceorder": "normal"},
        hovermode="closest",
        separators=".,",
    )
    figure.update_traces(
        selector={"name": CHOSEN}, marker={"size": 20, "color": GREY, "line": {"width": 4, "color": GREY}}
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, title_font_size=12, title_font_color=GREY)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, title_font_size=12, title_font_color=GREY)
    return figure
