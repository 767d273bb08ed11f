"""An order round of many SKUs from forty suppliers, in a process of its own: for `optimization.py`.

`python order_round.py SKUS ALTERNATIVES SEED LIMIT` prints seconds, the proven gap and peak memory in GiB. Each SKU has
up to so many suppliers, and the search so many seconds at most. There are packs, minimum quantities, price breaks of
both kinds, order costs, minimum and maximum values, containers with a minimum fill, and a budget that is short.
"""

from __future__ import annotations

import sys

import numpy as np
from measure import peak_memory, seconds

from optimization.order_terms import Needs, Offers, Suppliers
from optimization.replenishment_milp import ReplenishmentOrder, replenishment_order

SUPPLIERS, GAP = 40, 1e-4

Round = tuple[Needs, Offers, Suppliers, float]


def made_up_round(skus: int, alternatives: int, seed: int) -> Round:
    """Needs, offers, suppliers and the budget."""
    luck = np.random.default_rng(seed)
    price, mean = np.round(luck.lognormal(2, 1, skus), 2) + 0.05, luck.lognormal(3, 1, skus)
    width = np.ceil(mean[:, None] * luck.uniform(0.2, 1, (skus, 6)))
    falling = np.sort(luck.random((skus, 6)), axis=1)[:, ::-1]
    volume = luck.lognormal(-6, 1, skus)
    needs = Needs.by_curve(
        [f"SKU {number}" for number in range(skus)],
        width=width,
        value=price[:, None] * luck.uniform(1.3, 2, (skus, 1)) * falling,
        excess_cost=price * luck.uniform(0.02, 0.1, skus),
        unit_value=0.8 * price,
        volume=volume,
    )
    ways = luck.integers(1, alternatives + 1, skus)
    sku = np.repeat(np.arange(skus), ways)
    supplier = np.concatenate([luck.choice(SUPPLIERS, count, replace=False) for count in ways])
    count, asked = len(sku), np.round(price[sku] * luck.uniform(0.95, 1.1, len(sku)), 2)
    first = np.where(luck.random(count) < 0.3, np.ceil(1.5 * mean[sku]) + 1, np.inf)
    offers = Offers.of(
        sku=sku,
        supplier=supplier,
        price=asked,
        pack_size=luck.choice([1, 1, 2, 5, 6, 10, 12, 24, 48], count),
        moq=np.where(luck.random(count) < 0.3, np.ceil(mean[sku] * luck.uniform(0.5, 3, count)), 0),
        break_quantity=np.stack((first, 3 * first), axis=1),
        break_price=asked[:, None] * [0.96, 0.92],
        incremental=luck.random(count) < 0.5,
    )
    units = width.sum(axis=1)[sku] / ways[sku]
    value = np.bincount(supplier, asked * units, minlength=SUPPLIERS)
    in_containers = luck.random(SUPPLIERS) < 0.5
    room = np.bincount(supplier, volume[sku] * units, minlength=SUPPLIERS) / luck.uniform(1, 4, SUPPLIERS)
    suppliers = Suppliers.of(
        [f"supplier {number}" for number in range(SUPPLIERS)],
        order_cost=luck.uniform(30, 200, SUPPLIERS),
        minimum_value=np.where(luck.random(SUPPLIERS) < 0.6, value * luck.uniform(0.15, 0.55, SUPPLIERS), 0),
        maximum_value=np.where(luck.random(SUPPLIERS) < 0.2, value / 2, np.inf),
        container_volume=np.where(in_containers & (room > 0), room, np.inf),
        container_cost=np.where(in_containers, luck.uniform(50, 400, SUPPLIERS), 0),
        minimum_fill=np.where(in_containers & (luck.random(SUPPLIERS) < 0.5), 0.6, 0),
    )
    return needs, offers, suppliers, float(0.5 * value.sum())


def ordered(given: Round, time_limit: float) -> ReplenishmentOrder:
    needs, offers, suppliers, budget = given
    return replenishment_order(needs, offers, suppliers, budget=budget, relative_gap=GAP, time_limit=time_limit)


if __name__ == "__main__":
    skus, alternatives, seed, limit = map(int, sys.argv[1:])
    ordered(made_up_round(100, alternatives, 0), 1.0)  # compiled and imported beforehand
    given, orders = made_up_round(skus, alternatives, seed), []
    taken = seconds(lambda: orders.append(ordered(given, limit)))
    print(taken, orders[0].relative_gap, peak_memory())
