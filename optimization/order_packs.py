"""Whole packs near an order's best quantities, within its limits."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from optimization.arrays import BoolArray, FloatArray, IntArray
from optimization.ordering_scenarios import ScenarioProblem, slack

WHOLE = 1e-9
WANTED = 64
MOST_EXCHANGES = 200


class CostsOfSkus(Protocol):
    """What quantities cost, SKU by SKU."""

    def costs(self, order_quantity: FloatArray) -> FloatArray:
        """Of each SKU, shape (sku,)."""

    def cost_of(self, sku: int, order_quantity: float) -> float:
        """Of one SKU."""


def whole_packs(
    problem: ScenarioProblem, order_quantity: FloatArray, price: FloatArray, *, costs: CostsOfSkus | None = None
) -> IntArray:
    """Units in whole packs, shape (sku,).

    Every SKU starts from the packs below its quantity, and packs are added one by one, always the one that saves most
    at the limits' prices: first those that count towards a lower limit that is missed, then those that are worth
    their prices, as long as upper limits have room. What room is left goes to the packs that save most money, which
    may take the place of a pack of another SKU. Upper limits are kept unless least quantities break them; a lower
    limit is missed where no pack that fits counts towards it.

    Args:
        problem: With the packs and limits.
        order_quantity: Units, shape (sku,).
        price: Of the limits, shape (limit,).
        costs: What packs save is judged by; mean costs where not given.
    """
    packs = _PacksChosen(problem, order_quantity, price, problem if costs is None else costs)
    while (sku := packs.best_that_is_lacking()) >= 0:
        packs.change(sku, 1)
    while (sku := packs.best_that_saves(at_prices=True)) >= 0:
        packs.change(sku, 1)
    for _ in range(MOST_EXCHANGES):
        added, removed = packs.best_exchange()
        if added < 0:
            break
        packs.change(added, 1)
        if removed >= 0:
            packs.change(removed, -1)
    while (sku := packs.best_that_saves(at_prices=False)) >= 0:
        packs.change(sku, 1)
    return np.rint(packs.count * problem.pack).astype(np.int64)


class _PacksChosen:
    """Packs so far, what one more of each SKU saves and one less costs, and what the limits have come to."""

    def __init__(
        self, problem: ScenarioProblem, order_quantity: FloatArray, price: FloatArray, costs: CostsOfSkus
    ) -> None:
        self.problem, self.costs = problem, costs
        self.fewest = np.ceil(problem.least / problem.pack * (1 - WHOLE))
        self.count = np.maximum(np.floor(order_quantity / problem.pack * (1 + WHOLE) + WHOLE), self.fewest)
        self.per_pack = problem.weight * problem.pack
        self.reached = self.per_pack @ self.count
        self.worth = price @ self.per_pack
        self.at_most = problem.at_most + slack(problem.at_most)
        self.at_least = problem.at_least - slack(problem.at_least)
        self.negligible = WHOLE * (problem.shortage + problem.holding + problem.purchase) * problem.pack
        quantity, cost = self.count * problem.pack, costs.costs(self.count * problem.pack)
        self.saves = cost - costs.costs(quantity + problem.pack)
        self.loses = costs.costs(np.maximum(quantity - problem.pack, 0.0)) - cost

    def change(self, sku: int, packs: int) -> None:
        """Some packs more or less of a SKU."""
        self.count[sku] += packs
        self.reached = self.per_pack @ self.count
        less, now, more = ((self.count[sku] + step) * self.problem.pack[sku] for step in (-1, 0, 1))
        cost = self.costs.cost_of(sku, now)
        self.saves[sku] = cost - self.costs.cost_of(sku, more)
        self.loses[sku] = self.costs.cost_of(sku, max(less, 0.0)) - cost

    def best_that_is_lacking(self) -> int:
        """The SKU whose next pack counts towards a lower limit that is missed and saves most; −1 for none."""
        missed = self.reached < self.at_least
        return self._best(np.asarray((self.per_pack[missed] > 0).any(axis=0))) if missed.any() else -1

    def best_that_saves(self, *, at_prices: bool) -> int:
        """The SKU whose next pack saves most among those that save anything; −1 for none."""
        allowed = self.saves > self.negligible
        return self._best(allowed & (self.saves + self.worth >= -self.negligible) if at_prices else allowed)

    def best_exchange(self) -> tuple[int, int]:
        """A SKU to add a pack of and one, or −1 for none, to take a pack from, with which most is saved; −1 twice
        where nothing is."""
        wanted = np.flatnonzero((self.saves > self.negligible) & self._is_allowed_more())
        wanted = wanted[np.argsort(-self.saves[wanted], kind="stable")[:WANTED]]
        if not len(wanted):
            return -1, -1
        gain = self.saves[wanted, None] - np.append(self.loses, 0.0)
        can = (gain > self.negligible[wanted, None]) & np.append(self.count > self.fewest, True)
        can[np.arange(len(wanted)), wanted] = False
        for per_pack, reached, least, most in zip(
            self.per_pack, self.reached, self.at_least, self.at_most, strict=True
        ):
            total = reached + per_pack[wanted, None] - np.append(per_pack, 0.0)
            can &= (total <= max(most, reached)) & (total >= min(least, reached))
        if not can.any():
            return -1, -1
        added, removed = np.unravel_index(int(np.argmax(np.where(can, gain, -np.inf))), can.shape)
        return int(wanted[added]), int(removed) if removed < len(self.count) else -1

    def _is_allowed_more(self) -> BoolArray:
        return np.asarray((self.count + 1) * self.problem.pack <= self.problem.most * (1 + WHOLE))

    def _best(self, allowed: BoolArray) -> int:
        fits = allowed & self._is_allowed_more()
        for per_pack, reached, most in zip(self.per_pack, self.reached, self.at_most, strict=True):
            fits &= (per_pack == 0) | (reached + per_pack <= most)
        if not fits.any():
            return -1
        return int(np.argmax(np.where(fits, self.saves + self.worth, -np.inf)))
