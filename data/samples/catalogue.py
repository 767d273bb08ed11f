"""The product range: what is sold, by whom it is supplied and how its demand behaves."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.samples.arrays import FloatArray, IntArray, StrArray, labels
from data.samples.assortment import CATEGORIES, CATEGORY_PREFIX, PRODUCT_LINES
from data.samples.suppliers import SUPPLIERS

CLASS_SHARE = {
    "fast": 0.12, "steady": 0.30, "seasonal": 0.18, "trending": 0.08,
    "intermittent": 0.17, "new": 0.08, "dying": 0.07,
}  # fmt: skip
DEMAND_CLASSES = tuple(CLASS_SHARE)
SEASONAL_CATEGORIES = {"Garden": 0.40, "Outdoor": 0.35, "Gifts": 0.25}

SIZE_PRICE_FACTOR = np.array([0.72, 1.0, 1.38])
MATERIAL_PRICE_FACTOR = np.array([1.05, 0.9, 1.15, 0.95])
PACK_SIZES = ((9.0, 24), (16.0, 12), (30.0, 6), (60.0, 4), (100.0, 2))


@dataclass(frozen=True)
class Catalogue:
    """The items and what the items file does not tell.

    Attributes:
        items: The import layout, one row per SKU, sorted by SKU.
        demand_class: A name of `DEMAND_CLASSES`, shape (sku,).
        list_price: EUR, shape (sku,).
        supplier: Index into `SUPPLIERS`, shape (sku,).
    """

    items: pd.DataFrame
    demand_class: StrArray
    list_price: FloatArray
    supplier: IntArray

    @property
    def sku(self) -> StrArray:
        return np.asarray(self.items["sku"], dtype=object)

    @property
    def category(self) -> StrArray:
        return np.asarray(self.items["category"], dtype=object)

    def __len__(self) -> int:
        return len(self.items)


def product_range(rng: np.random.Generator, skus: int) -> Catalogue:
    """Compose `skus` different products."""
    demand_class = _demand_classes(rng, skus)
    category = _categories(rng, demand_class)
    order = np.argsort(category, kind="stable")
    demand_class, category = demand_class[order], category[order]
    product = _distinct_products(rng, category)
    return _catalogue(rng, demand_class, category, product)


def _demand_classes(rng: np.random.Generator, skus: int) -> StrArray:
    cumulative = np.cumsum(list(CLASS_SHARE.values()))
    position = (np.arange(skus) + 0.5) / skus * cumulative[-1]
    return rng.permutation(labels(DEMAND_CLASSES, np.searchsorted(cumulative, position)))


def _categories(rng: np.random.Generator, demand_class: StrArray) -> StrArray:
    seasonal = rng.choice(list(SEASONAL_CATEGORIES), len(demand_class), p=list(SEASONAL_CATEGORIES.values()))
    weights = [0.24, 0.20, 0.17, 0.13, 0.11, 0.06, 0.04, 0.05]
    usual = rng.choice(list(CATEGORIES), len(demand_class), p=weights)
    return np.where(demand_class == "seasonal", seasonal, usual).astype(object)


def _distinct_products(rng: np.random.Generator, category: StrArray) -> list[tuple[int, int, int]]:
    """(product line, material, size) per SKU, none twice; `category` must be sorted."""
    chosen: list[tuple[int, int, int]] = []
    for name, count in zip(*np.unique(category, return_counts=True), strict=True):
        grid = [
            (line, material, size)
            for line, product in enumerate(PRODUCT_LINES)
            if product.category == name
            for material in range(len(product.materials))
            for size in range(len(product.sizes))
        ]
        if count > len(grid):
            raise ValueError(f"category {name} has names for {len(grid)} products, got {count}: ask for fewer skus")
        chosen.extend(grid[i] for i in rng.choice(len(grid), count, replace=False))
    return chosen


def _catalogue(
    rng: np.random.Generator,
    demand_class: StrArray,
    category: StrArray,
    product: list[tuple[int, int, int]],
) -> Catalogue:
    list_price = _list_prices(rng, product)
    supplier = _suppliers(rng, category)
    pack_size = _pack_sizes(list_price)
    items = pd.DataFrame(
        {
            "sku": _sku_codes(category),
            "name": [_name(*choice) for choice in product],
            "category": category,
            "supplier": [SUPPLIERS[i].name for i in supplier],
            "lead_time_days": [SUPPLIERS[i].lead_time_days for i in supplier],
            "moq": pack_size * rng.choice([1, 2, 4], len(product), p=[0.55, 0.3, 0.15]),
            "pack_size": pack_size,
            "unit_cost": _unit_costs(rng, list_price),
            "volume": [_volume(*choice) for choice in product],
        }
    )
    return Catalogue(items, demand_class, list_price, supplier)


def _sku_codes(category: StrArray) -> list[str]:
    numbers = pd.Series(category).groupby(category).cumcount() * 3 + 11
    return [f"{CATEGORY_PREFIX[name]}-{number:04d}" for name, number in zip(category, numbers, strict=True)]


def _name(line: int, material: int, size: int) -> str:
    product = PRODUCT_LINES[line]
    return f"{product.materials[material]} {product.noun}, {product.sizes[size]}"


def _volume(line: int, _material: int, size: int) -> float:
    return round(float(PRODUCT_LINES[line].volume * SIZE_PRICE_FACTOR[size]), 2)


def _list_prices(rng: np.random.Generator, product: list[tuple[int, int, int]]) -> FloatArray:
    line, material, size = np.array(product).T
    usual = np.array([p.price for p in PRODUCT_LINES])[line]
    price = usual * MATERIAL_PRICE_FACTOR[material] * SIZE_PRICE_FACTOR[size] * rng.lognormal(0, 0.08, len(line))
    rounded: FloatArray = np.maximum(np.ceil(price), 3.0) - np.where(price < 20, 0.05, 0.10)
    return rounded


def _unit_costs(rng: np.random.Generator, list_price: FloatArray) -> FloatArray:
    margin = np.clip(rng.normal(0.49, 0.05, len(list_price)), 0.38, 0.60)
    return (list_price * (1 - margin)).round(2)


def _pack_sizes(list_price: FloatArray) -> IntArray:
    limits = np.array([limit for limit, _ in PACK_SIZES])
    sizes = np.array([size for _, size in PACK_SIZES] + [1])
    return sizes[np.searchsorted(limits, list_price)]


def _suppliers(rng: np.random.Generator, category: StrArray) -> IntArray:
    chosen = np.zeros(len(category), dtype=np.int64)
    for name in CATEGORIES:
        rows = np.flatnonzero(category == name)
        candidates = [i for i, supplier in enumerate(SUPPLIERS) if name in supplier.categories]
        # Cycling gives every supplier its share even in a small range.
        chosen[rows] = rng.permutation(np.resize(rng.permutation(candidates), len(rows)))
    return chosen
