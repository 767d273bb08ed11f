"""What a replay of demand starts from: goods, stock, supply and the rules of shortage."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from simulation.arrays import MOST_UNITS, FloatArray, IntArray, finite_numbers, whole_numbers

OnShortage = Literal["lost", "backorder"]


@dataclass(frozen=True, eq=False)
class StockScenario:
    """Demand by day, the stock it meets and the supply behind it, for SKUs side by side.

    Day 0 is the first day of demand. Quantities are whole base units, at most 2²⁸ for one SKU, and so are
    its demand and its pipeline in total. Arrays are copied and read-only.

    Attributes:
        skus: Names, each once.
        demand: Units asked for, shape (day, sku).
        on_hand: Units in stock before day 0, shape (sku,).
        pipeline: Units already under way by the day they arrive, shape (arrival day, sku). It may have
            fewer days than demand, or more: later arrivals count as on order and never arrive.
        lead_time_mean_days: Mean lead time, above 0, shape (sku,).
        lead_time_sd_days: Its standard deviation, 0 where it is fixed, shape (sku,).
        review_period_days: Days between reviews; stock is reviewed on days 0, R, 2R, …
        unit_cost: Value of a unit in stock, shape (sku,).
        unit_margin: Selling price less unit cost, shape (sku,).
        pack_size: Orders are multiples of it, at least 1, shape (sku,).
        moq: Smallest order (0: none), shape (sku,).
        on_shortage: "lost": unmet demand goes elsewhere; "backorder": it waits for the next receipt.

    Raises:
        ValueError: a field out of range or of another shape; names the SKU.
    """

    skus: tuple[str, ...]
    demand: IntArray
    on_hand: IntArray
    pipeline: IntArray
    lead_time_mean_days: FloatArray
    lead_time_sd_days: FloatArray
    review_period_days: int
    unit_cost: FloatArray
    unit_margin: FloatArray
    pack_size: IntArray
    moq: IntArray
    on_shortage: OnShortage

    def __post_init__(self) -> None:
        skus = tuple(self.skus)
        self._check_names(skus)
        if self.review_period_days < 1:
            raise ValueError(f"review_period_days must be at least 1, got {self.review_period_days}")
        if self.on_shortage not in ("lost", "backorder"):
            raise ValueError(f"on_shortage must be 'lost' or 'backorder', got {self.on_shortage!r}")
        checked = {
            "skus": skus,
            "demand": whole_numbers("demand", self.demand, skus, ndim=2, least=0),
            "on_hand": whole_numbers("on_hand", self.on_hand, skus, ndim=1, least=0),
            "pipeline": whole_numbers("pipeline", self.pipeline, skus, ndim=2, least=0),
            "lead_time_mean_days": finite_numbers("lead_time_mean_days", self.lead_time_mean_days, skus, least=0),
            "lead_time_sd_days": finite_numbers("lead_time_sd_days", self.lead_time_sd_days, skus, least=0),
            "unit_cost": finite_numbers("unit_cost", self.unit_cost, skus, least=0),
            "unit_margin": finite_numbers("unit_margin", self.unit_margin, skus),
            "pack_size": whole_numbers("pack_size", self.pack_size, skus, ndim=1, least=1),
            "moq": whole_numbers("moq", self.moq, skus, ndim=1, least=0),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        self._check_amounts()

    @property
    def days(self) -> int:
        """Length of the horizon."""
        return len(self.demand)

    @property
    def review_days(self) -> IntArray:
        """Days on which stock is reviewed, shape (review,)."""
        return np.arange(0, self.days, self.review_period_days)

    def with_(self, **changes: Any) -> "StockScenario":
        """The same scenario with some fields replaced, checked again."""
        return replace(self, **changes)

    def with_lead_time_factor(self, factor: float) -> "StockScenario":
        """The same scenario with every lead time, mean and standard deviation, `factor` times as long.

        Goods already under way arrive as before.

        Raises:
            ValueError: factor not above 0.
        """
        if not factor > 0:
            raise ValueError(f"factor must be above 0, got {factor}")
        return self.with_(
            lead_time_mean_days=self.lead_time_mean_days * factor,
            lead_time_sd_days=self.lead_time_sd_days * factor,
        )

    def subset(self, positions: IntArray) -> "StockScenario":
        """The SKUs at some positions, in that order."""
        return self.with_(
            skus=tuple(self.skus[position] for position in positions),
            demand=self.demand[:, positions],
            on_hand=self.on_hand[positions],
            pipeline=self.pipeline[:, positions],
            lead_time_mean_days=self.lead_time_mean_days[positions],
            lead_time_sd_days=self.lead_time_sd_days[positions],
            unit_cost=self.unit_cost[positions],
            unit_margin=self.unit_margin[positions],
            pack_size=self.pack_size[positions],
            moq=self.moq[positions],
        )

    @staticmethod
    def _check_names(skus: tuple[str, ...]) -> None:
        if not skus:
            raise ValueError("skus must name at least one SKU, got none")
        if len(set(skus)) < len(skus):
            twice = next(sku for position, sku in enumerate(skus) if sku in skus[:position])
            raise ValueError(f"skus must name each SKU once, got {twice} more than once")

    def _check_amounts(self) -> None:
        if not self.days:
            raise ValueError("demand must cover at least one day, got none")
        if not self.lead_time_mean_days.all():
            sku = self.skus[int(self.lead_time_mean_days.argmin())]
            raise ValueError(f"lead_time_mean_days of SKU {sku} must be above 0, got 0.0")
        for name, total in (
            ("demand", self.demand.sum(axis=0)),
            ("on_hand and pipeline", self.on_hand + self.pipeline.sum(axis=0)),
        ):
            if total.max() > MOST_UNITS:
                most = int(total.argmax())
                raise ValueError(
                    f"{name} of SKU {self.skus[most]} must total at most {MOST_UNITS} units, got {total[most]}"
                )
