"""What an order round knows: what more units are worth, who offers them at which terms, and how suppliers deliver."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import BoolArray, FloatArray, IntArray

LARGEST = 2**53


@dataclass(frozen=True)
class Needs:
    """What more units of each SKU are worth; `wanted` and `by_curve` make and check it.

    Attributes, of shape (sku,) except width and value:
        names: SKU as messages should call it.
        width: Units of each segment, shape (sku, segment).
        value: Money lost per unit of the segment that is not there, never rising, shape (sku, segment).
        excess_cost: Money per unit beyond the last segment: what holding it too long costs.
        unit_value: Money that a unit bought is worth in any case, since it need not be bought later.
        least: Units this round must order.
        most: Units this round may order, maybe infinite.
        volume: Per unit.
        weight: Per unit.
    """

    names: tuple[str, ...]
    width: FloatArray
    value: FloatArray
    excess_cost: FloatArray
    unit_value: FloatArray
    least: FloatArray
    most: FloatArray
    volume: FloatArray
    weight: FloatArray

    @classmethod
    def wanted(
        cls,
        names: Sequence[str],
        *,
        wanted: ArrayLike,
        shortage_cost: ArrayLike,
        excess_cost: ArrayLike,
        unit_value: ArrayLike = 0.0,
        least: ArrayLike = 0.0,
        most: ArrayLike = np.inf,
        volume: ArrayLike = 0.0,
        weight: ArrayLike = 0.0,
    ) -> "Needs":
        """A quantity per SKU, and what each unit below and above it costs.

        Args:
            names: SKU as messages should call it.
            wanted: Units that would be ordered if any quantity could be, ≥ 0; one number or shape (sku,), as
                all that follow.
            shortage_cost: Money per unit below, ≥ 0. The price is charged, so a shortage must cost more than
                the price less unit_value for a unit to be ordered at all.
            excess_cost: Money per unit above, ≥ 0.
            unit_value: Money a unit is worth in any case, ≥ 0: its usual price, where what is not bought now
                would be bought later.
            least: Units this round must order, whole, ≥ 0.
            most: Units this round may order, ≥ 0.
            volume: Per unit, ≥ 0, in the unit of the containers and the location.
            weight: Per unit, ≥ 0.

        Raises:
            ValueError: NaN, infinite or out of range, with the SKU's name.

        >>> Needs.wanted(["cup"], wanted=7, shortage_cost=5.0, excess_cost=0.5).width
        array([[7.]])
        """
        names = tuple(str(name) for name in names)
        return cls.by_curve(
            names,
            width=each(wanted, "wanted", names, most=LARGEST)[:, None],
            value=each(shortage_cost, "shortage_cost", names)[:, None],
            excess_cost=excess_cost,
            unit_value=unit_value,
            least=least,
            most=most,
            volume=volume,
            weight=weight,
        )

    @classmethod
    def by_curve(
        cls,
        names: Sequence[str],
        *,
        width: ArrayLike,
        value: ArrayLike,
        excess_cost: ArrayLike,
        unit_value: ArrayLike = 0.0,
        least: ArrayLike = 0.0,
        most: ArrayLike = np.inf,
        volume: ArrayLike = 0.0,
        weight: ArrayLike = 0.0,
    ) -> "Needs":
        """A piecewise-linear curve per SKU of the shortage (in money) that more units avoid.

        Args:
            names: SKU as messages should call it.
            width: Units of each segment, ≥ 0, shape (sku, segment); 0 for segments a SKU lacks.
            value: Money per unit of the segment, ≥ 0, never rising along a row (segments of width 0 aside).
            excess_cost, unit_value, least, most, volume, weight: As for `wanted`.

        Raises:
            ValueError: A shape, NaN or range that is wrong, or values that rise, with the SKU's name.
        """
        names = tuple(str(name) for name in names)
        widths, values = table(width, "width", names), table(value, "value", names)
        if widths.shape != values.shape:
            raise ValueError(f"width and value must have the same shape, got {widths.shape} and {values.shape}")
        highest = np.where(widths > 0, values, -np.inf)
        rises = (widths > 0) & (highest > np.minimum.accumulate(np.where(widths > 0, values, np.inf), axis=1))
        if rises.any():
            sku = int(np.flatnonzero(rises.any(axis=1))[0])
            raise ValueError(f"value of {names[sku]} must not rise from segment to segment, got {values[sku].tolist()}")
        needs = cls(
            names=names,
            width=widths,
            value=np.where(widths > 0, values, 0.0),
            excess_cost=each(excess_cost, "excess_cost", names),
            unit_value=each(unit_value, "unit_value", names),
            least=each(least, "least", names, whole=True),
            most=each(most, "most", names, infinite=True),
            volume=each(volume, "volume", names),
            weight=each(weight, "weight", names),
        )
        short = needs.most < needs.least
        if short.any():
            sku = int(np.flatnonzero(short)[0])
            raise ValueError(
                f"most of {names[sku]} must be at least its least {needs.least[sku]:g}, got {needs.most[sku]:g}"
            )
        return needs

    def worth(self, sku: IntArray, units: FloatArray) -> FloatArray:
        """Shortage avoided, less excess cost, plus unit value: money, for units of shape (row, column).

        Args:
            sku: Which SKU each row is of, shape (row,).
            units: Shape (row, column).
        """
        shortage, excess, kept = self.parts(sku, units)
        none = (self.width * self.value).sum(axis=1)[sku]
        return np.asarray(none[:, None] - shortage - excess + kept)

    def parts(self, sku: IntArray, units: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Money of shortage left, of excess, and of unit value, each of units' shape (row, column)."""
        left, beyond = np.zeros_like(units), units.copy()
        for width, value in zip(self.width[sku].T, self.value[sku].T, strict=True):
            left += value[:, None] * np.maximum(width[:, None] - beyond, 0.0)
            beyond = np.maximum(beyond - width[:, None], 0.0)
        return left, self.excess_cost[sku, None] * beyond, self.unit_value[sku, None] * units


@dataclass(frozen=True)
class Offers:
    """One row per SKU and supplier who sells it; `of` makes and checks it.

    Attributes, of shape (offer,) except the breaks:
        sku: Position of the SKU.
        supplier: Position of the supplier.
        price: Money per unit, below the first break.
        pack_size: Units per pack.
        moq: Smallest quantity accepted, units.
        maximum_quantity: Largest quantity accepted, units, maybe infinite.
        break_quantity: Units from which a break's price holds, infinite where there is none, shape (offer, break).
        break_price: Money per unit from there on, shape (offer, break).
        incremental: Whether a break's price is for the units beyond it alone, not for all.
    """

    sku: IntArray
    supplier: IntArray
    price: FloatArray
    pack_size: FloatArray
    moq: FloatArray
    maximum_quantity: FloatArray
    break_quantity: FloatArray
    break_price: FloatArray
    incremental: BoolArray

    @classmethod
    def of(
        cls,
        *,
        sku: ArrayLike,
        supplier: ArrayLike,
        price: ArrayLike,
        pack_size: ArrayLike = 1,
        moq: ArrayLike = 0,
        maximum_quantity: ArrayLike = np.inf,
        break_quantity: ArrayLike | None = None,
        break_price: ArrayLike | None = None,
        incremental: ArrayLike = False,
    ) -> "Offers":
        """Who sells what, at which terms.

        Args:
            sku: Position in `Needs.names`, shape (offer,).
            supplier: Position in `Suppliers.names`, shape (offer,).
            price: Money per unit, ≥ 0; one number or shape (offer,), as all that follow.
            pack_size: Units per pack, whole, ≥ 1. Only whole packs are ordered.
            moq: Smallest quantity accepted, units, ≥ 0; nothing may be ordered as well.
            maximum_quantity: Largest quantity accepted, units, ≥ 0.
            break_quantity: Units from which a price holds, ≥ 1, rising along a row, shape (offer, break); infinite
                (at the end of a row) where an offer has fewer.
            break_price: Money per unit from there on, ≥ 0, shape (offer, break).
            incremental: Whether a break's price is for the units beyond it alone (else for all units).

        Raises:
            ValueError: A shape, NaN or range that is wrong, with the offer's number.
        """
        skus, suppliers = _positions(sku, "sku"), _positions(supplier, "supplier")
        if skus.shape != suppliers.shape:
            raise ValueError(f"sku and supplier must have the same shape, got {skus.shape} and {suppliers.shape}")
        names = [f"offer {number}" for number in range(len(skus))]
        if (break_quantity is None) != (break_price is None):
            raise ValueError("break_quantity and break_price must be given together")
        quantities = (
            np.zeros((len(names), 0))
            if break_quantity is None
            else table(break_quantity, "break_quantity", names, least=1.0, infinite=True)
        )
        prices = (
            np.zeros((len(names), 0))
            if break_price is None
            else table(break_price, "break_price", names, infinite=True)
        )
        if quantities.shape != prices.shape:
            raise ValueError(
                f"break_quantity and break_price must have the same shape, got {quantities.shape} and {prices.shape}"
            )
        if (np.isfinite(quantities) & ~np.isfinite(prices)).any():
            offer = int(np.flatnonzero((np.isfinite(quantities) & ~np.isfinite(prices)).any(axis=1))[0])
            raise ValueError(f"break_price of {names[offer]} must be finite, got {prices[offer].tolist()}")
        falls = (quantities[:, 1:] <= quantities[:, :-1]) & np.isfinite(quantities[:, :-1])
        if falls.any():
            offer = int(np.flatnonzero(falls.any(axis=1))[0])
            raise ValueError(
                f"break_quantity of {names[offer]} must rise from break to break, got {quantities[offer].tolist()}"
            )
        return cls(
            sku=skus,
            supplier=suppliers,
            price=each(price, "price", names),
            pack_size=each(pack_size, "pack_size", names, least=1.0, whole=True),
            moq=each(moq, "moq", names, most=LARGEST),
            maximum_quantity=each(maximum_quantity, "maximum_quantity", names, infinite=True),
            break_quantity=quantities,
            break_price=prices,
            incremental=np.broadcast_to(np.asarray(incremental, dtype=np.bool_), skus.shape),
        )

    def tiers(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """From how many units each price tier holds, and its cost as intercept + price · units.

        Returns:
            First units (infinite where an offer lacks the tier), intercept and price, of shape (offer, tier).
        """
        first = np.column_stack([np.zeros(len(self.sku)), self.break_quantity])
        price = np.where(np.isfinite(first), np.column_stack([self.price, self.break_price]), 0.0)
        step = np.where(np.isfinite(first), first, 0.0)[:, 1:] * (price[:, :-1] - price[:, 1:])
        intercept = np.column_stack([np.zeros(len(self.sku)), np.cumsum(step, axis=1)])
        return first, np.where(self.incremental[:, None], intercept, 0.0), price

    def cost(self, units: FloatArray) -> FloatArray:
        """Money paid for that many units of each offer, shape (offer,): nothing for none."""
        first, intercept, price = self.tiers()
        tier = (units[:, None] >= first).sum(axis=1) - 1
        rows = np.arange(len(self.sku))
        return np.asarray(np.where(units > 0, intercept[rows, tier] + price[rows, tier] * units, 0.0))


@dataclass(frozen=True)
class Suppliers:
    """Terms of a supplier's whole order; `of` makes and checks it.

    Attributes, of shape (supplier,):
        names: Supplier as messages should call it.
        may_order: Whether today is a day to order from it.
        order_cost: Money once per order, whatever is in it.
        minimum_value: Least value of an order, if there is one.
        maximum_value: Most value of an order, maybe infinite.
        minimum_units: Least units of an order, if there is one.
        required_value: Value that must be ordered from it this round in any case.
        container_volume: Space in a container, infinite where space is no limit.
        container_weight: Weight a container carries, infinite where weight is no limit.
        container_cost: Money per container.
        minimum_fill: Share of the containers' volume or of their weight that must be used.
        maximum_containers: Most containers of an order, maybe infinite.
    """

    names: tuple[str, ...]
    may_order: BoolArray
    order_cost: FloatArray
    minimum_value: FloatArray
    maximum_value: FloatArray
    minimum_units: FloatArray
    required_value: FloatArray
    container_volume: FloatArray
    container_weight: FloatArray
    container_cost: FloatArray
    minimum_fill: FloatArray
    maximum_containers: FloatArray

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        *,
        may_order: ArrayLike = True,
        order_cost: ArrayLike = 0.0,
        minimum_value: ArrayLike = 0.0,
        maximum_value: ArrayLike = np.inf,
        minimum_units: ArrayLike = 0.0,
        required_value: ArrayLike = 0.0,
        container_volume: ArrayLike = np.inf,
        container_weight: ArrayLike = np.inf,
        container_cost: ArrayLike = 0.0,
        minimum_fill: ArrayLike = 0.0,
        maximum_containers: ArrayLike = np.inf,
    ) -> "Suppliers":
        """Terms of each supplier's whole order; each is one number or of shape (supplier,).

        Args:
            names: Supplier as messages should call it.
            may_order: False where a supplier is ordered from on review days only, and today is none.
            order_cost: Money per order, ≥ 0.
            minimum_value: Least value (at the prices paid) of an order, ≥ 0; no order is allowed as well.
            maximum_value: Most value of an order, ≥ 0.
            minimum_units: Least units of an order, ≥ 0; no order is allowed as well.
            required_value: Value that must be ordered, ≥ 0: a commitment.
            container_volume: Space in a container (truck), > 0.
            container_weight: Weight it carries, > 0.
            container_cost: Money per container, ≥ 0; only whole containers come.
            minimum_fill: Share, in [0, 1], of all containers' volume or of all their weight that must be used.
            maximum_containers: Most containers of an order, ≥ 0.

        Raises:
            ValueError: NaN or out of range, with the supplier's name.
        """
        names = tuple(str(name) for name in names)
        return cls(
            names=names,
            may_order=np.broadcast_to(np.asarray(may_order, dtype=np.bool_), (len(names),)),
            order_cost=each(order_cost, "order_cost", names),
            minimum_value=each(minimum_value, "minimum_value", names),
            maximum_value=each(maximum_value, "maximum_value", names, infinite=True),
            minimum_units=each(minimum_units, "minimum_units", names, most=LARGEST),
            required_value=each(required_value, "required_value", names),
            container_volume=each(container_volume, "container_volume", names, positive=True, infinite=True),
            container_weight=each(container_weight, "container_weight", names, positive=True, infinite=True),
            container_cost=each(container_cost, "container_cost", names),
            minimum_fill=each(minimum_fill, "minimum_fill", names, most=1.0),
            maximum_containers=each(maximum_containers, "maximum_containers", names, infinite=True),
        )

    @property
    def by_container(self) -> BoolArray:
        """Which suppliers deliver in containers."""
        return np.isfinite(self.container_volume) | np.isfinite(self.container_weight)


def each(
    value: ArrayLike,
    name: str,
    names: Sequence[str],
    *,
    least: float = 0.0,
    most: float = np.inf,
    positive: bool = False,
    whole: bool = False,
    infinite: bool = False,
) -> FloatArray:
    """One float per name within the range asked for; a single number counts for all."""
    given = np.asarray(value, dtype=np.float64)
    if given.shape not in ((), (len(names),)):
        raise ValueError(f"{name} must be one number or one each of {len(names)}, got shape {given.shape}")
    figures = np.broadcast_to(given, (len(names),))
    _check(figures[:, None], name, names, least=least, most=most, positive=positive, whole=whole, infinite=infinite)
    return figures


def table(
    value: ArrayLike, name: str, names: Sequence[str], *, least: float = 0.0, infinite: bool = False
) -> FloatArray:
    """A row of floats per name, each within the range asked for."""
    given = np.asarray(value, dtype=np.float64)
    if given.ndim != 2 or len(given) != len(names):
        raise ValueError(f"{name} must have a row for each of {len(names)}, got shape {given.shape}")
    _check(given, name, names, least=least, most=np.inf, positive=False, whole=False, infinite=infinite)
    return given


def _check(
    figures: FloatArray,
    name: str,
    names: Sequence[str],
    *,
    least: float,
    most: float,
    positive: bool,
    whole: bool,
    infinite: bool,
) -> None:
    with np.errstate(invalid="ignore"):
        accepted = (figures > least if positive else figures >= least) & (figures <= most)
        if not infinite:
            accepted &= np.isfinite(figures)
        if whole:
            accepted &= figures == np.rint(figures)
    if accepted.all():
        return
    row, column = (int(place[0]) for place in np.nonzero(~accepted))
    words = ["whole"] if whole else []
    words.append(f"{'more than' if positive else 'at least'} {least:g}")
    words += [f"at most {most:g}"] if np.isfinite(most) else []
    words += [] if infinite else ["finite"]
    raise ValueError(f"{name} of {names[row]} must be {' and '.join(words)}, got {figures[row, column]:g}")


def _positions(value: ArrayLike, name: str) -> IntArray:
    given = np.asarray(value)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ValueError(f"{name} must hold whole positions, one per offer, got {given.dtype} of shape {given.shape}")
    positions = given.astype(np.int64)
    if (positions < 0).any():
        raise ValueError(f"{name} of offer {int(np.flatnonzero(positions < 0)[0])} must be at least 0")
    return positions
