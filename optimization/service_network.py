"""Stages that promise each other service times: the network of the guaranteed-service model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray, per_sku

NO_COMMITMENT = 2**62
TimesOrNone = ArrayLike | Sequence[int | None] | None


@dataclass(frozen=True)
class ServiceNetwork:
    """Attributes, of shape (stage,) but for the two of shape (arc,):
    names: As messages should call the stages.
    supplier: Stage that an arc leaves, an index into names, shape (arc,).
    customer: Stage that an arc enters, shape (arc,).
    processing_time: Whole periods from having all inputs to having the output.
    holding_cost: Money per unit and period.
    demand_bound_constant: Standard deviations of demand that stock is to cover.
    demand_mean: Units per period that leave the stage, for customers of its own and for the stages it supplies.
    demand_sd: Standard deviation of those units.
    external_inbound_time: Whole periods that suppliers outside the network take at least.
    longest_inbound_time: Longest that its inputs could take, were nobody before it to hold stock.
    longest_outbound_time: Longest promise open to the stage: that plus processing, or what it has committed to.
    """

    names: tuple[str, ...]
    supplier: IntArray
    customer: IntArray
    processing_time: IntArray
    holding_cost: FloatArray
    demand_bound_constant: FloatArray
    demand_mean: FloatArray
    demand_sd: FloatArray
    external_inbound_time: IntArray
    longest_inbound_time: IntArray
    longest_outbound_time: IntArray


def service_network(
    names: Sequence[str],
    arcs: Sequence[tuple[str, str]],
    *,
    processing_time: ArrayLike,
    holding_cost: ArrayLike,
    demand_bound_constant: ArrayLike,
    demand_sd: ArrayLike,
    demand_mean: ArrayLike = 0.0,
    external_inbound_time: TimesOrNone = None,
    external_outbound_time: TimesOrNone = None,
    units_per_arc: ArrayLike = 1.0,
    pooling_exponent: float = 2.0,
) -> ServiceNetwork:
    """Checked network in which every stage knows the demand that reaches it.

    A stage's demand is that of its own customers and of everything made from its output. With U the units
    of the stage in one unit sold elsewhere (products of units_per_arc, summed over all paths) and p the
    pooling exponent,

        mean = Σ U·μ        sd = (Σ (U·σ)^p)^(1/p)

    where the sums run over the stages with customers of their own: p = 2 adds variances (independent
    demands), p = 1 adds standard deviations (demands that rise and fall together).

    Args:
        names: The stages, each once.
        arcs: (supplier, customer) by name, each pair once, without cycles.
        processing_time: T, whole periods, ≥ 0, one or per stage.
        holding_cost: h, money per unit and period, ≥ 0.
        demand_bound_constant: k, ≥ 0, often the normal quantile of a cycle service level.
        demand_sd: σ of the stage's own customers' demand per period, units, ≥ 0; 0 where it has none.
        demand_mean: μ of the same, units; only base-stock levels need it.
        external_inbound_time: Whole periods that suppliers outside the network take; None, for all or for
            one stage, is 0.
        external_outbound_time: Longest promise that the stage's customers accept, whole periods; None is
            no limit. Holds for the stages it supplies as well.
        units_per_arc: Units of the supplier in one unit of the customer, > 0, one or per arc.
        pooling_exponent: p, at least 1.

    Raises:
        ValueError: A figure of a stage or arc that is out of range, a name unknown or given twice, or a cycle.

    Source: Graves & Willems, Optimizing strategic safety stock placement in supply chains, Manufacturing &
        Service Operations Management 2(1), 2000.

    >>> network = service_network(
    ...     ["parts", "shop north", "shop south"],
    ...     [("parts", "shop north"), ("parts", "shop south")],
    ...     processing_time=[6, 1, 1], holding_cost=[1.0, 3.0, 3.0], demand_bound_constant=2.0,
    ...     demand_sd=[0.0, 3.0, 4.0], external_outbound_time=[None, 0, 0],
    ... )
    >>> network.demand_sd
    array([5., 3., 4.])
    """
    names = tuple(str(name) for name in names)
    supplier, customer = _checked_arcs(names, arcs)
    order = _upstream_first(names, supplier, customer)
    processing = _whole_periods(processing_time, "processing_time", names)
    inbound = _periods_or(0, external_inbound_time, "external_inbound_time", names)
    committed = _periods_or(NO_COMMITMENT, external_outbound_time, "external_outbound_time", names)
    routes = [f"{one} → {other}" for one, other in arcs]
    units = _one_each(units_per_arc, "units_per_arc", routes, "arc", exclude_least=True)
    mean = _one_each(demand_mean, "demand_mean", names)
    sd = _one_each(demand_sd, "demand_sd", names)
    if not (np.isfinite(pooling_exponent) and pooling_exponent >= 1):
        raise ValueError(f"pooling_exponent must be at least 1 and finite, got {pooling_exponent}")
    contained = _units_contained(order, supplier, customer, units)
    longest_inbound, longest_outbound = _longest_times(order, supplier, customer, processing, inbound, committed)
    holding = _one_each(holding_cost, "holding_cost", names)
    constant = _one_each(demand_bound_constant, "demand_bound_constant", names)
    pooled = _pooled(contained * sd, pooling_exponent)
    _check_finite(holding, constant, pooled, longest_inbound + processing, names)
    return ServiceNetwork(
        names=names,
        supplier=supplier,
        customer=customer,
        processing_time=processing,
        holding_cost=holding,
        demand_bound_constant=constant,
        demand_mean=contained @ mean,
        demand_sd=pooled,
        external_inbound_time=inbound,
        longest_inbound_time=longest_inbound,
        longest_outbound_time=longest_outbound,
    )


def _checked_arcs(names: tuple[str, ...], arcs: Sequence[tuple[str, str]]) -> tuple[IntArray, IntArray]:
    if not names:
        raise ValueError("names must hold at least one stage, got none")
    index = {name: i for i, name in enumerate(names)}
    if len(index) < len(names):
        raise ValueError(f"names must differ, got {next(name for name in names if names.count(name) > 1)} twice")
    seen: set[tuple[str, str]] = set()
    for one, other in ((str(one), str(other)) for one, other in arcs):
        for name in (one, other):
            if name not in index:
                raise ValueError(f"arcs must join stages in names, got {name} in {one} → {other}")
        if (one, other) in seen:
            raise ValueError(f"arcs must differ, got {one} → {other} twice (use units_per_arc)")
        seen.add((one, other))
    ends = np.array([(index[str(one)], index[str(other)]) for one, other in arcs], dtype=np.int64).reshape(-1, 2)
    return np.ascontiguousarray(ends[:, 0]), np.ascontiguousarray(ends[:, 1])


def _one_each(
    value: ArrayLike,
    name: str,
    names: Sequence[str],
    kind: str = "stage",
    *,
    most: float = np.inf,
    exclude_least: bool = False,
) -> FloatArray:
    shape = np.shape(value)
    if shape not in ((), (len(names),)):
        raise ValueError(f"{name} must be one number or one per {kind} ({len(names)}), got shape {shape}")
    return per_sku(value, name, names, most=most, exclude_least=exclude_least)


def _upstream_first(names: tuple[str, ...], supplier: IntArray, customer: IntArray) -> list[int]:
    customers: list[list[int]] = [[] for _ in names]
    for one, other in zip(supplier.tolist(), customer.tolist(), strict=True):
        customers[one].append(other)
    waiting_for = np.bincount(customer, minlength=len(names)).tolist()
    order = [stage for stage, count in enumerate(waiting_for) if count == 0]
    for stage in order:  # grows while it is read
        for other in customers[stage]:
            waiting_for[other] -= 1
            if waiting_for[other] == 0:
                order.append(other)
    if len(order) < len(names):
        left = next(names[stage] for stage, count in enumerate(waiting_for) if count)
        raise ValueError(f"arcs must not form a cycle, got one that {left} lies on or is supplied from")
    return order


def _whole_periods(times: ArrayLike, name: str, names: tuple[str, ...]) -> IntArray:
    figures = _one_each(times, name, names, most=2.0**40)
    broken = np.flatnonzero(figures != np.rint(figures))
    if broken.size:
        raise ValueError(f"{name} of {names[broken[0]]} must be whole periods, got {figures[broken[0]]}")
    return figures.astype(np.int64)


def _periods_or(absent: int, times: TimesOrNone, name: str, names: tuple[str, ...]) -> IntArray:
    """Whole periods per stage, `absent` where None is given."""
    given = np.asarray(times, dtype=object)
    missing = np.array([time is None for time in given.flat]).reshape(given.shape)
    periods = _whole_periods(np.where(missing, 0, given).astype(np.float64), name, names)
    return np.where(missing, absent, periods)


def _units_contained(order: list[int], supplier: IntArray, customer: IntArray, units: FloatArray) -> FloatArray:
    """Units of each stage (row) in one unit of every other (column), shape (stage, stage)."""
    contained = np.eye(len(order))
    leaving: list[list[int]] = [[] for _ in order]
    for arc, stage in enumerate(supplier.tolist()):
        leaving[stage].append(arc)
    for stage in reversed(order):
        for arc in leaving[stage]:
            contained[stage] += units[arc] * contained[customer[arc]]
    return contained


def _pooled(sd: FloatArray, exponent: float) -> FloatArray:
    """(Σ sd^p)^(1/p) of each row, through its largest term so that no power overflows."""
    largest = sd.max(axis=1, keepdims=True)
    shares = np.divide(sd, largest, out=np.zeros_like(sd), where=largest > 0)
    return np.asarray(largest[:, 0] * (shares**exponent).sum(axis=1) ** (1 / exponent))


def _longest_times(
    order: list[int],
    supplier: IntArray,
    customer: IntArray,
    processing: IntArray,
    inbound: IntArray,
    committed: IntArray,
) -> tuple[IntArray, IntArray]:
    suppliers: list[list[int]] = [[] for _ in order]
    for one, other in zip(supplier.tolist(), customer.tolist(), strict=True):
        suppliers[other].append(one)
    longest_inbound, longest_outbound = inbound.copy(), np.zeros_like(inbound)
    for stage in order:
        for one in suppliers[stage]:
            longest_inbound[stage] = max(longest_inbound[stage], longest_outbound[one])
        longest_outbound[stage] = min(committed[stage], longest_inbound[stage] + processing[stage])
    return longest_inbound, longest_outbound


def _check_finite(
    holding: FloatArray, constant: FloatArray, sd: FloatArray, longest: IntArray, names: tuple[str, ...]
) -> None:
    with np.errstate(over="ignore"):
        cost = holding * (constant * sd * np.sqrt(longest))
    broken = np.flatnonzero(~np.isfinite(cost))
    if broken.size:
        raise ValueError(
            f"holding_cost × demand_bound_constant × demand_sd of {names[broken[0]]} must be finite, got inf"
        )
