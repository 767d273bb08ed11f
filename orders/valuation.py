"""What stock is worth, and what the goods that left it cost: FIFO and moving average over the ledger. Pure.

Goods are valued per SKU over the whole company: moves between our own places change nothing, and movements
between two places outside (imported history) are none of our stock's business. Only crossings of our walls
are folded, by the moment at which they happened, then by id:

- What comes in comes at its own unit cost. Without one it comes at the cost known so far, the current
  average (moving average) or the last cost paid (FIFO), and at 0 where none is known; both are counted.
- What a customer sends back comes at the cost at which that order line's units left, the last out first,
  and lowers the cost of goods sold. More than the ledger saw leave is goods without a cost.
- What leaves is cost of goods sold (to a customer), returned to the supplier, or else shrinkage.
- A movement and its reversal cancel, both being there: the mistake was never made, at whatever cost.
- A back-dated entry can make the past sell what was not there. That is valued at the last known cost and
  trued up by what comes in next; until then units and value on hand are negative.

Values are exact integers, so that value in = value on hand + cost of goods sold + shrinkage + returned to
the supplier, always. A moving average's share is rounded to a micro and what rounding leaves stays in stock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

NO_COST, NO_ID = -1, -1
"""In `Movements`: the unit cost, or the order line or reversed movement, that there is none of."""

_SOLD, _SHRUNK, _SENT_BACK = range(3)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, eq=False)
class Movements:
    """Movements as columns, in any order, each of shape (movement,).

    Attributes:
        sku: Whatever identifies the SKU, as an integer.
        id: The movement's id, unique.
        effective_at: datetime64 in UTC, when it happened.
        quantity: Units, > 0.
        comes_in: From outside to a place of ours.
        goes_out: From a place of ours to outside.
        outside: The kind of the location outside: supplier, customer, adjustment, …; not read for movements
            that neither come in nor go out.
        unit_cost_micros: Cost of a unit in millionths, `NO_COST` where none is known.
        order_line: The order line that is shipped or sent back, `NO_ID` for none.
        reverses: The id of the movement that this one reverses, `NO_ID` for none.
    """

    sku: NDArray[np.int64]
    id: NDArray[np.int64]
    effective_at: NDArray[np.datetime64]
    quantity: NDArray[np.int64]
    comes_in: NDArray[np.bool_]
    goes_out: NDArray[np.bool_]
    outside: NDArray[np.str_]
    unit_cost_micros: NDArray[np.int64]
    order_line: NDArray[np.int64]
    reverses: NDArray[np.int64]


@dataclass(frozen=True)
class Layer:
    """Units that came in together and are still there; `received_at` is when they first came to us."""

    received_at: datetime
    units: int
    unit_cost_micros: int


@dataclass(frozen=True)
class StockValuation:
    """What is left of one SKU and what became of the rest, in micros of the currency.

    Attributes:
        sku: As in the movements.
        units: On hand over all places of ours; negative where more left than ever came.
        value_micros: Their value.
        value_in_micros: What everything cost that came in, customer returns to their order line left out.
        cost_of_goods_sold_micros: What went to customers, less what they sent back.
        shrinkage_micros: What was written off, scrapped or not found in a count. What is found comes in.
        returned_to_supplier_micros: What went back to a supplier.
        units_at_assumed_cost: Units that came in without a cost and took the one known so far.
        units_without_cost: Units that came in when no cost was known at all, valued at 0.
        units_short: Units that left when nothing was there, valued at the last known cost until trued up.
        layers: What is there by the time it came, oldest first (FIFO); empty for a moving average.
    """

    sku: int
    units: int
    value_micros: int
    value_in_micros: int
    cost_of_goods_sold_micros: int
    shrinkage_micros: int
    returned_to_supplier_micros: int
    units_at_assumed_cost: int
    units_without_cost: int
    units_short: int
    layers: tuple[Layer, ...]

    @property
    def average_cost_micros(self) -> int | None:
        """Value of a unit on hand, rounded; None when there is none."""
        return None if self.units == 0 else _share(self.value_micros, 1, self.units)


def value_by_fifo(movements: Movements) -> dict[int, StockValuation]:
    """SKU → valuation in which what came first leaves first.

    Raises:
        ValueError: a quantity is not positive, or columns differ in length.
    """
    return _valued(movements, _Layers)


def value_by_moving_average(movements: Movements) -> dict[int, StockValuation]:
    """SKU → valuation in which each unit leaves at the average of what is there.

    Raises:
        ValueError: a quantity is not positive, or columns differ in length.
    """
    return _valued(movements, _Pool)


# Preparing the columns


def _valued(movements: Movements, new_stock: Callable[[], _Stock]) -> dict[int, StockValuation]:
    _check(movements)
    quantity = _without_reversed(movements)
    chosen = np.flatnonzero((movements.comes_in != movements.goes_out) & (quantity > 0))
    by_sku = np.lexsort((movements.id[chosen], movements.effective_at[chosen], movements.sku[chosen]))
    chosen = chosen[by_sku]
    sku = movements.sku[chosen]
    bounds = [0, *(np.flatnonzero(np.diff(sku)) + 1).tolist(), len(chosen)] if len(chosen) else []
    columns = _columns(movements, quantity, chosen)
    valuations = {}
    for begin, end in pairwise(bounds):
        moved = zip(*(column[begin:end] for column in columns), strict=True)
        valuations[int(sku[begin])] = _fold(int(sku[begin]), new_stock(), moved)
    return valuations


def _check(movements: Movements) -> None:
    lengths = {len(column) for column in vars(movements).values()}
    if len(lengths) > 1:
        raise ValueError(f"the columns of movements must have one length, got {sorted(lengths)}")
    if (movements.quantity <= 0).any():
        wrong = int((movements.quantity <= 0).argmax())
        raise ValueError(
            f"quantity must be positive, got {movements.quantity[wrong]} for movement {movements.id[wrong]}"
        )


def _without_reversed(movements: Movements) -> NDArray[np.int64]:
    """Quantities less what is reversed, newest reversal first, so that a reversed reversal reverses nothing."""
    quantity = movements.quantity.copy()
    reversals = np.flatnonzero(movements.reverses != NO_ID)
    if len(reversals) == 0:
        return quantity
    reversals = reversals[np.argsort(-movements.id[reversals], kind="stable")]
    original = dict.fromkeys(movements.reverses[reversals].tolist(), -1)
    for position in np.flatnonzero(np.isin(movements.id, movements.reverses[reversals])).tolist():
        original[int(movements.id[position])] = position
    for reversal in reversals.tolist():
        reversed_ = original[int(movements.reverses[reversal])]
        if reversed_ >= 0 and _undoes(movements, reversal, reversed_):
            undone = min(quantity[reversal], quantity[reversed_])
            quantity[reversal] -= undone
            quantity[reversed_] -= undone
    return quantity


def _undoes(movements: Movements, reversal: int, original: int) -> bool:
    return bool(
        movements.sku[reversal] == movements.sku[original]
        and movements.comes_in[reversal] == movements.goes_out[original]
        and movements.goes_out[reversal] == movements.comes_in[original]
    )


def _columns(movements: Movements, quantity: NDArray[np.int64], chosen: NDArray[np.intp]) -> list[list[Any]]:
    """What the fold reads of each movement, as lists: those are several times quicker to walk than arrays."""
    outside, line = movements.outside[chosen], movements.order_line[chosen]
    comes_in = movements.comes_in[chosen]
    line = np.where(outside == "customer", line, NO_ID)
    # Only lines of which something comes back need their costs remembered.
    line = np.where(np.isin(line, line[comes_in]), line, NO_ID)
    account = np.select([outside == "customer", outside == "supplier"], [_SOLD, _SENT_BACK], _SHRUNK)
    moments = movements.effective_at[chosen].astype("datetime64[us]").astype(np.int64)
    return [
        moments.tolist(),
        movements.id[chosen].tolist(),
        quantity[chosen].tolist(),
        comes_in.tolist(),
        account.tolist(),
        movements.unit_cost_micros[chosen].tolist(),
        line.tolist(),
    ]


def _fold(sku: int, stock: _Stock, moved: Any) -> StockValuation:
    account = _Account(stock)
    for moment, number, units, comes_in, why, unit_cost, line in moved:
        if not comes_in:
            account.go_out(units, why, line)
        elif line == NO_ID:
            account.come_in(moment, number, units, unit_cost)
        else:
            account.come_back(moment, number, units, unit_cost, line)
    return account.valuation(sku)


# Folding one SKU

_Piece = tuple[int, int, int, int]
"""Units with what they are worth: when they first came (microseconds), by which movement, units, value."""


class _Stock(Protocol):
    """What is there, and at which cost it leaves."""

    units: int

    def put(self, piece: _Piece) -> None:
        """Add units that came, or came back."""

    def take(self, units: int) -> list[_Piece]:
        """Remove as many units as are there, at most `units`."""

    def note_cost(self, unit_cost: int) -> None:
        """Remember the last cost paid."""

    def known_cost(self) -> int | None:
        """Cost of a unit as far as is known; None before the first."""

    def value(self) -> int:
        """What everything there is worth."""

    def layers(self) -> tuple[Layer, ...]:
        """What is there by the time it came."""


class _Layers:
    """FIFO: one layer per movement that brought goods, oldest first. What comes back joins the layer it left."""

    def __init__(self) -> None:
        self.units = 0
        self._layers: deque[list[int]] = deque()  # moment, number, units, unit cost
        self._last_cost: int | None = None

    def put(self, piece: _Piece) -> None:
        moment, number, units, value = piece
        self.units += units
        layers, new = self._layers, [moment, number, units, value // units]
        if not layers or layers[-1][:2] < new[:2]:
            layers.append(new)
            return
        place = next(place for place, layer in enumerate(layers) if layer[:2] >= new[:2])
        if layers[place][:2] == new[:2]:
            layers[place][2] += units
        else:
            layers.insert(place, new)

    def take(self, units: int) -> list[_Piece]:
        layers, taken = self._layers, []
        while units and layers:
            layer = layers[0]
            moment, number, there, unit_cost = layer
            if there <= units:
                layers.popleft()
            else:
                layer[2] = there - units
                there = units
            taken.append((moment, number, there, there * unit_cost))
            units -= there
            self.units -= there
        return taken

    def note_cost(self, unit_cost: int) -> None:
        self._last_cost = unit_cost

    def known_cost(self) -> int | None:
        return self._last_cost

    def value(self) -> int:
        return sum(units * unit_cost for _, _, units, unit_cost in self._layers)

    def layers(self) -> tuple[Layer, ...]:
        return tuple(
            Layer(_EPOCH + moment * _MICROSECOND, units, unit_cost) for moment, _, units, unit_cost in self._layers
        )


class _Pool:
    """Moving average: everything there is worth the same."""

    def __init__(self) -> None:
        self.units = 0
        self._value = 0
        self._last_cost: int | None = None

    def put(self, piece: _Piece) -> None:
        _, _, units, value = piece
        self.units += units
        self._value += value

    def take(self, units: int) -> list[_Piece]:
        there = self.units
        if there == 0:
            return []
        if self._last_cost is not None:
            self._last_cost = _share(self._value, 1, there)
        taken = min(units, there)
        value = _share(self._value, taken, there)
        self.units -= taken
        self._value -= value
        return [(0, 0, taken, value)]

    def note_cost(self, unit_cost: int) -> None:
        self._last_cost = unit_cost

    def known_cost(self) -> int | None:
        if self.units and self._last_cost is not None:
            return _share(self._value, 1, self.units)
        return self._last_cost

    def value(self) -> int:
        return self._value

    def layers(self) -> tuple[Layer, ...]:
        return ()


class _Short:
    """Units that left when nothing was there, not yet trued up, and the pieces of the order line they left for."""

    __slots__ = ("account", "pieces", "unit_cost", "units")

    def __init__(self, units: int, unit_cost: int, account: int, pieces: list[_Piece] | None) -> None:
        self.units, self.unit_cost, self.account, self.pieces = units, unit_cost, account, pieces


class _Account:
    """One SKU's stock and where the value of what left it went."""

    def __init__(self, stock: _Stock) -> None:
        self._stock = stock
        self._value_in = 0
        self._value_out = [0, 0, 0]
        self._at_assumed_cost = self._without_cost = self._ever_short = 0
        self._short: deque[_Short] = deque()
        self._left_for: dict[int, tuple[list[_Piece], list[_Short]]] = {}

    def come_in(self, moment: int, number: int, units: int, unit_cost: int) -> None:
        if unit_cost == NO_COST:
            unit_cost = self._assumed_cost(units)
        else:
            self._stock.note_cost(unit_cost)
        self._value_in += units * unit_cost
        self._bring((moment, number, units, units * unit_cost))

    def go_out(self, units: int, account: int, line: int) -> None:
        taken = self._stock.take(units)
        for _, _, there, value in taken:
            self._value_out[account] += value
            units -= there
        if line != NO_ID:
            self._left_for.setdefault(line, ([], []))[0].extend(taken)
        if units:
            self._run_short(units, account, line)

    def come_back(self, moment: int, number: int, units: int, unit_cost: int, line: int) -> None:
        pieces, short = self._left_for.get(line, ([], []))
        while units and short:
            units -= self._undo_short(short, units)
        while units and pieces:
            came, by, there, value = pieces.pop()
            if there > units:
                kept = _share(value, there - units, there)
                pieces.append((came, by, there - units, kept))
                there, value = units, value - kept
            units -= there
            self._value_out[_SOLD] -= value
            self._bring((came, by, there, value))
        if units:
            self.come_in(moment, number, units, unit_cost)

    def valuation(self, sku: int) -> StockValuation:
        owed = sum(short.units * short.unit_cost for short in self._short)
        return StockValuation(
            sku=sku,
            units=self._stock.units - sum(short.units for short in self._short),
            value_micros=self._stock.value() - owed,
            value_in_micros=self._value_in,
            cost_of_goods_sold_micros=self._value_out[_SOLD],
            shrinkage_micros=self._value_out[_SHRUNK],
            returned_to_supplier_micros=self._value_out[_SENT_BACK],
            units_at_assumed_cost=self._at_assumed_cost,
            units_without_cost=self._without_cost,
            units_short=self._ever_short,
            layers=self._stock.layers(),
        )

    def _assumed_cost(self, units: int) -> int:
        known = self._stock.known_cost()
        if known is None:
            self._without_cost += units
            return 0
        self._at_assumed_cost += units
        return known

    def _run_short(self, units: int, account: int, line: int) -> None:
        unit_cost = self._stock.known_cost() or 0
        pieces, of_line = self._left_for[line] if line != NO_ID else (None, None)
        short = _Short(units, unit_cost, account, pieces)
        self._short.append(short)
        if of_line is not None:
            of_line.append(short)
        self._value_out[account] += units * unit_cost
        self._ever_short += units

    def _bring(self, piece: _Piece) -> None:
        """Put units into stock, truing up first what left before them."""
        came, by, units, value = piece
        while units and self._short:
            short = self._short[0]
            covered = min(units, short.units)
            worth = _share(value, covered, units)
            self._value_out[short.account] += worth - covered * short.unit_cost
            if short.pieces is not None and covered:
                short.pieces.append((came, by, covered, worth))
            short.units -= covered
            units -= covered
            value -= worth
            if short.units == 0:
                self._short.popleft()
        if units:
            self._stock.put((came, by, units, value))

    def _undo_short(self, of_line: list[_Short], units: int) -> int:
        """Units of the line's that left when nothing was there, and now come back before anything covered them."""
        short = of_line[-1]
        undone = min(units, short.units)
        short.units -= undone
        self._value_out[short.account] -= undone * short.unit_cost
        if short.units == 0:
            of_line.pop()
        return undone


def _share(value: int, units: int, of: int) -> int:
    """The value of so many of the units that are together worth `value`, half up; all of it for all of them."""
    return (2 * value * units + of) // (2 * of)
