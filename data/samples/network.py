"""The three locations and which of them keeps which product."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.samples.arrays import BoolArray, FloatArray, IntArray
from data.samples.catalogue import Catalogue

TIME_ZONE = "Europe/Berlin"
LOCATIONS = ("WH-NORTH", "WH-SOUTH", "STORE-CITY")
STORE = 2
USUAL_SHARE = np.array([0.45, 0.35, 0.20])

# Chance that a class is kept at the main warehouse, the other warehouse and the store.
KEPT_AT = {
    "fast": (1.0, 1.0, 1.0), "steady": (1.0, 0.75, 0.55), "seasonal": (1.0, 0.9, 0.6),
    "trending": (1.0, 0.8, 0.5), "intermittent": (1.0, 0.0, 0.0), "new": (1.0, 0.8, 0.6),
    "dying": (1.0, 0.4, 0.3),
}  # fmt: skip


@dataclass(frozen=True)
class StockingPoints:
    """Every kept combination of product and location.

    Attributes:
        sku: Index into the catalogue, shape (point,).
        location: Index into `LOCATIONS`, shape (point,).
        share: Share of the product's demand that arrives here, shape (point,).
    """

    sku: IntArray
    location: IntArray
    share: FloatArray

    def __len__(self) -> int:
        return len(self.sku)

    @property
    def is_store(self) -> BoolArray:
        is_store: BoolArray = self.location == STORE
        return is_store


def stocking_points(rng: np.random.Generator, catalogue: Catalogue) -> StockingPoints:
    """Fast movers are kept everywhere, slow ones at one warehouse."""
    kept = _kept(rng, catalogue)
    share = kept * USUAL_SHARE * rng.lognormal(0, 0.2, kept.shape)
    share /= share.sum(axis=1, keepdims=True)
    sku, location = np.nonzero(kept)
    return StockingPoints(sku, location, share[sku, location])


def _kept(rng: np.random.Generator, catalogue: Catalogue) -> BoolArray:
    chance = np.array([KEPT_AT[name] for name in catalogue.demand_class])
    kept = rng.random(chance.shape) < chance
    swapped = rng.random(len(catalogue)) < 0.4
    kept[swapped] = kept[swapped][:, [1, 0, 2]]
    return kept


def locations_frame() -> pd.DataFrame:
    """The import layout of the locations file."""
    return pd.DataFrame(
        {
            "location": LOCATIONS,
            "name": ["Warehouse North, Bremen", "Warehouse South, Augsburg", "City Store, Leipzig"],
            "kind": ["warehouse", "warehouse", "store"],
            "time_zone": TIME_ZONE,
        }
    )
