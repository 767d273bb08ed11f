"""A panel's demand as it would have been had there been stock."""

from __future__ import annotations

import numpy as np

from forecasting.censoring import unconstrained
from forecasting.panel import Panel


def with_stock_outs(panel: Panel) -> Panel:
    """The panel with demand inferred for periods that its column in_stock says were not, or not wholly, in stock.

    A panel without that column, or always in stock, is given back as it is.
    """
    in_stock = panel.columns.get("in_stock")
    if in_stock is None or (in_stock == 1.0).all():
        return panel
    return panel.with_values(np.asarray(unconstrained(panel, in_stock).values))
