"""The order round written out in PuLP, rule by rule, to read, to export and to solve with another solver."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from optimization.arrays import IntArray
from optimization.mixed_program import Status
from optimization.replenishment_columns import Modes, OrderRound, order_modes

if TYPE_CHECKING:
    import pulp


class AuditProgram:
    """Packs, tiers, supplier orders and containers as they are, without the tricks that make them fast.

    Attributes:
        program: The PuLP model; its objective is the round's total cost.
    """

    def __init__(self, round_: OrderRound) -> None:
        import pulp

        self.round = round_
        self.program = pulp.LpProblem("replenishment", pulp.LpMinimize)
        self.modes = order_modes(round_)
        self._pulp = pulp
        self._packs, self._used = self._lines()
        self._cost: list[Any] = []
        self._paid: list[Any] = []
        self._worth()
        self._choices()
        for supplier in range(len(round_.suppliers.names)):
            self._supplier(supplier)
        self._round()
        self.program.setObjective(pulp.lpSum(self._cost + self._paid))

    def packs(self) -> IntArray:
        """Packs per offer of the solution found."""
        values = [variable.varValue or 0.0 for variable in self._packs]
        summed = np.bincount(self.modes.offer, values, minlength=len(self.round.offers.sku))
        return np.rint(summed).astype(np.int64)

    def _variable(self, name: str, low: float, high: float | None, category: str) -> "pulp.LpVariable":
        return self.program.add_variable(name, low, high, category)

    def _add(self, name: str, constraint: Any) -> None:
        self.program.addConstraint(constraint, name)

    def _lines(self) -> tuple[list[Any], list[Any]]:
        """Packs of each mode and whether it is used, linked by its fewest and most packs."""
        modes, packs, used = self.modes, [], []
        for mode in range(len(modes.offer)):
            name = self._mode_name(modes, mode)
            packs.append(self._variable(f"packs_{name}", 0, float(modes.high[mode]), "Integer"))
            used.append(self._variable(f"use_{name}", 0, 1, "Binary"))
            self._add(f"fewest_{name}", packs[mode] >= float(modes.low[mode]) * used[mode])
            self._add(f"most_{name}", packs[mode] <= float(modes.high[mode]) * used[mode])
        return packs, used

    def _mode_name(self, modes: Modes, mode: int) -> str:
        offer = int(modes.offer[mode])
        sku = self.round.needs.names[self.round.offers.sku[offer]]
        supplier = self.round.suppliers.names[self.round.offers.supplier[offer]]
        return f"{mode}_{_plain(sku)}_{_plain(supplier)}"

    def _units(self, mode: int) -> Any:
        return float(self.round.offers.pack_size[self.modes.offer[mode]]) * self._packs[mode]

    def _value(self, mode: int) -> Any:
        fixed = float(self.modes.intercept[mode]) * self._used[mode]
        return float(self.modes.price[mode]) * self._units(mode) + fixed

    def _worth(self) -> None:
        """Shortage and excess of each SKU: the units of least worth are the first to be short."""
        needs = self.round.needs
        mode_sku = self.round.offers.sku[self.modes.offer]
        for sku, name in enumerate(needs.names):
            units = self._pulp.lpSum(self._units(mode) for mode in np.flatnonzero(mode_sku == sku).tolist())
            label, short = f"{sku}_{_plain(name)}", []
            for segment, (width, value) in enumerate(zip(needs.width[sku], needs.value[sku], strict=True)):
                if width > 0:
                    short.append(self._variable(f"short_{label}_{segment}", 0, float(width), "Continuous"))
                    self._cost.append(float(value) * short[-1])
            excess = self._variable(f"excess_{label}", 0, None, "Continuous")
            self._cost.append(float(needs.excess_cost[sku]) * excess)
            self._cost.append(-float(needs.unit_value[sku]) * units)
            curve = float(needs.width[sku].sum())
            self._add(f"units_{label}", units + self._pulp.lpSum(short) - excess == curve)
            if needs.least[sku] > 0:
                self._add(f"least_{label}", units >= float(needs.least[sku]))
            if np.isfinite(needs.most[sku]):
                self._add(f"largest_{label}", units <= float(needs.most[sku]))

    def _choices(self) -> None:
        """One tier per offer, and one supplier per SKU unless SKUs may be split."""
        key = self.modes.offer if self.round.split else self.round.offers.sku[self.modes.offer]
        for one in np.unique(key):
            together = np.flatnonzero(key == one)
            if len(together) > 1:
                self._add(f"one_of_{one}", self._pulp.lpSum(self._used[mode] for mode in together) <= 1)

    def _supplier(self, supplier: int) -> None:
        terms, label = self.round.suppliers, f"{supplier}_{_plain(self.round.suppliers.names[supplier])}"
        modes = np.flatnonzero(self.round.offers.supplier[self.modes.offer] == supplier)
        ordered = self._variable(f"order_{label}", 0, 1, "Binary")
        for mode in modes:
            self._add(f"ordered_{mode}_{label}", self._used[mode] <= ordered)
        self._add(f"empty_{label}", ordered <= self._pulp.lpSum(self._used[mode] for mode in modes))
        value = self._pulp.lpSum(self._value(mode) for mode in modes.tolist())
        units = self._pulp.lpSum(self._units(mode) for mode in modes.tolist())
        self._paid += [value, float(terms.order_cost[supplier]) * ordered]
        if terms.minimum_value[supplier] > 0:
            self._add(f"minimum_value_{label}", value >= float(terms.minimum_value[supplier]) * ordered)
        if terms.minimum_units[supplier] > 0:
            self._add(f"minimum_units_{label}", units >= float(terms.minimum_units[supplier]) * ordered)
        if np.isfinite(terms.maximum_value[supplier]):
            self._add(f"maximum_value_{label}", value <= float(terms.maximum_value[supplier]))
        if terms.required_value[supplier] > 0:
            self._add(f"required_value_{label}", value >= float(terms.required_value[supplier]))
        if terms.by_container[supplier]:
            self._containers(supplier, label, modes)

    def _containers(self, supplier: int, label: str, modes: IntArray) -> None:
        """Whole containers, filled by volume or by weight."""
        terms = self.round.suppliers
        most, fill = terms.maximum_containers[supplier], float(terms.minimum_fill[supplier])
        loads = (self._load(self.round.needs.volume, modes), self._load(self.round.needs.weight, modes))
        rooms = (terms.container_volume[supplier], terms.container_weight[supplier])
        limited = [(load, float(room)) for load, room in zip(loads, rooms, strict=True) if np.isfinite(room)]
        count = self._variable(f"containers_{label}", 0, float(most) if np.isfinite(most) else None, "Integer")
        self._paid.append(float(terms.container_cost[supplier]) * count)
        filled = []
        for number, (load, room) in enumerate(limited):
            self._add(f"fits_{number}_{label}", load <= room * count)
            filled.append(self._variable(f"filled_{number}_{label}", 0, 1, "Binary"))
            if fill > 0:
                largest = self._largest_count(modes, rooms)
                self._add(
                    f"fill_{number}_{label}", load >= fill * room * count - fill * room * largest * (1 - filled[-1])
                )
        self._add(f"filled_{label}", self._pulp.lpSum(filled) >= 1)
        if not np.isfinite(most):
            self._add(f"count_{label}", count <= self._largest_count(modes, rooms))

    def _largest_count(self, modes: IntArray, rooms: tuple[float, float]) -> float:
        needs, offers = self.round.needs, self.round.offers
        units = self.modes.high[modes] * offers.pack_size[self.modes.offer[modes]]
        sku = offers.sku[self.modes.offer[modes]]
        return float(
            np.ceil(max((needs.volume[sku] * units).sum() / rooms[0], (needs.weight[sku] * units).sum() / rooms[1])) + 1
        )

    def _load(self, size: Any, modes: IntArray) -> Any:
        sku = self.round.offers.sku[self.modes.offer[modes]]
        return self._pulp.lpSum(float(size[one]) * self._units(mode) for one, mode in zip(sku, modes, strict=True))

    def _round(self) -> None:
        everything = np.arange(len(self.modes.offer))
        needs = self.round.needs
        if np.isfinite(self.round.budget):
            self._add("budget", self._pulp.lpSum(self._paid) <= float(self.round.budget))
        if np.isfinite(self.round.volume_capacity):
            self._add("volume_capacity", self._load(needs.volume, everything) <= float(self.round.volume_capacity))
        if np.isfinite(self.round.weight_capacity):
            self._add("weight_capacity", self._load(needs.weight, everything) <= float(self.round.weight_capacity))


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def solve_with_cbc(
    round_: OrderRound, *, relative_gap: float, time_limit: float
) -> tuple[Status, IntArray | None, float]:
    """Status, packs per offer and proven bound of CBC on the written-out program."""
    import tempfile
    from pathlib import Path

    import pulp

    audit = AuditProgram(round_)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "cbc.log"
        solver = pulp.COIN_CMD(
            path=pulp.PULP_CBC_CMD.pulp_cbc_path,
            msg=False,
            timeLimit=time_limit,
            gapRel=relative_gap,
            threads=1,
            logPath=str(log),
        )
        audit.program.solve(solver)
        said = log.read_text()
    if audit.program.status == pulp.LpStatusInfeasible:
        return "infeasible", None, np.inf
    if audit.program.sol_status not in {pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible}:
        return "time limit", None, -np.inf
    # Read from the log: CBC's own objective does not suffer where its postprocessing loses continuous values.
    objective, bound = _logged(said, "Objective value"), _logged(said, "Lower bound")
    if objective is None:
        return "time limit", audit.packs(), -np.inf
    if bound is None:
        return "optimal", audit.packs(), objective - relative_gap * abs(objective)
    return "time limit", audit.packs(), min(bound, objective)


def _logged(said: str, name: str) -> float | None:
    found = re.search(rf"{name}:\s*([-+.\deE]+)", said)
    return float(found.group(1)) if found else None
