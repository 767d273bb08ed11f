"""The purchases file."""

import numpy as np
import pandas as pd

from data.samples.arrays import FloatArray, IntArray, labels
from data.samples.catalogue import Catalogue
from data.samples.history import History
from data.samples.network import LOCATIONS
from data.samples.suppliers import SUPPLIERS, quoted_lead_times
from data.samples.trading_calendar import DAY, HOUR, NOT_YET

FIRST_PURCHASE_NUMBER = 30_001
ORDERING_TIME = 7 * HOUR + HOUR // 2
RECEIVING_TIME = 7 * HOUR


def purchase_book(rng: np.random.Generator, history: History) -> pd.DataFrame:
    """One row per line; expected after the quoted lead time, received at seven."""
    purchases, calendar, catalogue = history.outcome.purchases, history.calendar, history.catalogue
    order = np.repeat(np.arange(len(purchases)), [len(purchase.points) for purchase in purchases])
    supplier = np.array([purchase.supplier for purchase in purchases])[order]
    location = np.array([purchase.location for purchase in purchases])[order]
    ordered_day = np.array([purchase.ordered_day for purchase in purchases])[order]
    received_day = np.array([purchase.received_day for purchase in purchases])[order]
    sku = history.points.sku[np.concatenate([purchase.points for purchase in purchases])]
    quoted = quoted_lead_times()[supplier]
    is_open = received_day >= calendar.days
    received = np.where(is_open, NOT_YET, received_day * DAY + RECEIVING_TIME)
    return pd.DataFrame(
        {
            "po_number": [f"PO-{n}" for n in order + FIRST_PURCHASE_NUMBER],
            "supplier": labels(tuple(s.name for s in SUPPLIERS), supplier),
            "sku": catalogue.sku[sku],
            "location": labels(LOCATIONS, location),
            "quantity": np.concatenate([purchase.quantity for purchase in purchases]),
            "unit_cost": _unit_costs(rng, catalogue, sku, order),
            "ordered_at": calendar.timestamps(ordered_day * DAY + ORDERING_TIME),
            "expected_date": calendar.midnights(ordered_day + quoted),
            "received_at": calendar.timestamps(received),
            "received_quantity": np.where(is_open, 0, np.concatenate([p.arriving for p in purchases])),
        }
    )


def _unit_costs(rng: np.random.Generator, catalogue: Catalogue, sku: IntArray, order: IntArray) -> FloatArray:
    """The item's cost give or take what was negotiated for that order."""
    negotiated = rng.uniform(0.97, 1.02, int(order.max()) + 1)
    usual: FloatArray = np.asarray(catalogue.items["unit_cost"], dtype=np.float64)[sku]
    return (usual * negotiated[order]).round(2)
