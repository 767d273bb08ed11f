"""Stock is worth what it cost: textbook examples, unit-by-unit brute force, and money that is never lost."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.valuation import NO_COST, NO_ID, Layer, Movements, value_by_fifo, value_by_moving_average

START = datetime(2024, 1, 1, tzinfo=UTC)
METHODS = [value_by_fifo, value_by_moving_average]
MICROS = 1_000_000


@dataclass(frozen=True)
class Move:
    """One movement in or out of the company; day and id give the order."""

    id: int
    day: int
    units: int
    comes_in: bool
    outside: str
    cost: int = NO_COST
    line: int = NO_ID
    reverses: int = NO_ID
    sku: int = 1


def received(id_, day, units, cost, **more):
    return Move(id_, day, units, True, "supplier", cost, **more)


def sold(id_, day, units, **more):
    return Move(id_, day, units, False, "customer", **more)


def sent_back(id_, day, units, line, **more):
    return Move(id_, day, units, True, "customer", line=line, **more)


def columns(moves):
    moments = [np.datetime64(START.replace(tzinfo=None), "us") + np.timedelta64(move.day, "D") for move in moves]
    return Movements(
        sku=np.array([move.sku for move in moves], dtype=np.int64),
        id=np.array([move.id for move in moves], dtype=np.int64),
        effective_at=np.array(moments, dtype="datetime64[us]"),
        quantity=np.array([move.units for move in moves], dtype=np.int64),
        comes_in=np.array([move.comes_in for move in moves], dtype=bool),
        goes_out=np.array([not move.comes_in for move in moves], dtype=bool),
        outside=np.array([move.outside for move in moves], dtype=str),
        unit_cost_micros=np.array([move.cost for move in moves], dtype=np.int64),
        order_line=np.array([move.line for move in moves], dtype=np.int64),
        reverses=np.array([move.reverses for move in moves], dtype=np.int64),
    )


def valued(method, *moves):
    (valuation,) = method(columns(moves)).values()
    return valuation


def layers(valuation):
    return [((layer.received_at - START).days, layer.units, layer.unit_cost_micros) for layer in valuation.layers]


# Textbook examples


def houston_electronics():
    """Weygandt, Kieso and Kimmel, Accounting Principles: 1,000 Astro condensers bought for 12,000, 550 sold."""
    return [
        received(1, 0, 100, 10 * MICROS),
        received(2, 104, 200, 11 * MICROS),
        received(3, 235, 300, 12 * MICROS),
        sold(4, 252, 550),
        received(5, 330, 400, 13 * MICROS),
    ]


def test_first_in_first_out_as_in_the_textbook():
    valuation = valued(value_by_fifo, *houston_electronics())
    cost = 100 * 10 + 200 * 11 + 250 * 12
    assert cost == 6_200
    assert valuation.cost_of_goods_sold_micros == cost * MICROS
    assert valuation.value_micros == (50 * 12 + 400 * 13) * MICROS
    assert valuation.value_micros == 5_800 * MICROS
    assert layers(valuation) == [(235, 50, 12 * MICROS), (330, 400, 13 * MICROS)]
    assert valuation.layers[0] == Layer(START + timedelta(days=235), 50, 12 * MICROS)


def test_moving_average_as_in_the_textbook():
    valuation = valued(value_by_moving_average, *houston_electronics())
    average = Fraction(100 * 10 + 200 * 11 + 300 * 12, 600)
    assert round(average, 3) == Fraction("11.333")
    assert round(valuation.cost_of_goods_sold_micros / MICROS) == round(550 * average) == 6_233
    assert round(valuation.value_micros / MICROS) == round(50 * average + 400 * 13) == 5_767
    assert valuation.average_cost_micros == round((50 * average + 5_200) / 450 * MICROS)
    assert valuation.layers == ()


@pytest.mark.parametrize("method", METHODS)
def test_without_a_change_of_price_both_methods_agree(method):
    valuation = valued(method, received(1, 0, 10, 7), sold(2, 1, 4), received(3, 2, 5, 7), sold(4, 3, 8))
    assert (valuation.units, valuation.value_micros) == (3, 21)
    assert valuation.cost_of_goods_sold_micros == 12 * 7


# What comes in without a cost


@pytest.mark.parametrize(("method", "cost"), [(value_by_fifo, 16), (value_by_moving_average, 12)])
def test_found_goods_take_the_cost_known_so_far(method, cost):
    found = Move(3, 2, 2, True, "adjustment")
    valuation = valued(method, received(1, 0, 10, 8), received(2, 1, 10, 16), found)
    assert valuation.value_micros == 10 * 8 + 10 * 16 + 2 * cost
    assert (valuation.units_at_assumed_cost, valuation.units_without_cost) == (2, 0)


@pytest.mark.parametrize("method", METHODS)
def test_goods_without_any_known_cost_are_worth_nothing_and_counted(method):
    valuation = valued(method, Move(1, 0, 5, True, "adjustment"), received(2, 1, 5, 6), sold(3, 2, 5))
    assert (valuation.units_without_cost, valuation.units_at_assumed_cost) == (5, 0)
    assert valuation.value_micros + valuation.cost_of_goods_sold_micros == 30
    assert valuation.cost_of_goods_sold_micros == (0 if method is value_by_fifo else 15)


@pytest.mark.parametrize("method", METHODS)
def test_a_cost_of_zero_is_a_cost(method):
    valuation = valued(method, received(1, 0, 5, 9), sold(2, 1, 5), received(3, 2, 4, 0))
    assert (valuation.value_micros, valuation.units_without_cost, valuation.units_at_assumed_cost) == (0, 0, 0)


def test_the_last_average_is_known_when_the_shelf_is_empty():
    moves = [received(1, 0, 1, 10), received(2, 0, 3, 22), sold(3, 1, 4), Move(4, 2, 2, True, "adjustment")]
    assert valued(value_by_moving_average, *moves).value_micros == 2 * (10 + 3 * 22) / 4
    assert valued(value_by_fifo, *moves).value_micros == 2 * 22


# What goes where


@pytest.mark.parametrize("method", METHODS)
def test_what_leaves_is_told_apart_by_where_it_goes(method):
    leaving = [
        Move(2 + n, 1, 1 + n, False, kind) for n, kind in enumerate(["customer", "scrap", "adjustment", "supplier"])
    ]
    valuation = valued(method, received(1, 0, 20, 3), *leaving)
    assert valuation.cost_of_goods_sold_micros == 1 * 3
    assert valuation.shrinkage_micros == (2 + 3) * 3
    assert valuation.returned_to_supplier_micros == 4 * 3
    assert (valuation.units, valuation.value_in_micros) == (10, 60)


@pytest.mark.parametrize("method", METHODS)
def test_moves_between_two_places_of_one_side_change_nothing(method):
    moves = columns([received(1, 0, 5, 4), sold(2, 1, 2), sold(3, 1, 1), received(4, 1, 9, 9)])
    inside, outside = 2, 3
    moves.goes_out[inside] = moves.comes_in[inside] = False
    moves.goes_out[outside] = moves.comes_in[outside] = False
    (valuation,) = method(moves).values()
    assert (valuation.units, valuation.value_micros, valuation.cost_of_goods_sold_micros) == (3, 12, 8)


@pytest.mark.parametrize("method", METHODS)
def test_skus_are_valued_apart(method):
    of_one, of_other = houston_electronics(), [replace(move, sku=7, id=move.id + 10) for move in houston_electronics()]
    together = method(columns([*of_other, *of_one]))
    assert sorted(together) == [1, 7]
    assert together[1] == valued(method, *of_one)
    assert replace(together[7], sku=1) == together[1]


# Customer returns


def test_returned_goods_come_back_at_the_cost_at_which_they_left():
    bought = [received(1, 0, 10, 5), sold(2, 1, 4, line=9), sold(3, 2, 6), received(4, 3, 10, 8)]
    fifo = valued(value_by_fifo, *bought, sent_back(5, 4, 3, line=9))
    assert fifo.cost_of_goods_sold_micros == 7 * 5
    assert layers(fifo) == [(0, 3, 5), (3, 10, 8)]
    average = valued(value_by_moving_average, *bought, sent_back(5, 4, 3, line=9))
    assert average.cost_of_goods_sold_micros == 7 * 5
    assert average.value_micros == 3 * 5 + 10 * 8


def test_of_one_line_what_left_last_comes_back_first():
    moves = [received(1, 0, 3, 10), received(2, 1, 5, 12), sold(3, 2, 5, line=9), sent_back(4, 3, 2, line=9)]
    assert valued(value_by_fifo, *moves).cost_of_goods_sold_micros == 3 * 10
    assert layers(valued(value_by_fifo, *moves)) == [(1, 5, 12)]
    assert valued(value_by_fifo, *moves, sent_back(5, 3, 2, line=9)).cost_of_goods_sold_micros == 10


@pytest.mark.parametrize("method", METHODS)
def test_more_sent_back_than_left_is_goods_without_a_cost(method):
    moves = [received(1, 0, 5, 5), sold(2, 1, 2, line=9), sent_back(3, 2, 3, line=9), sent_back(4, 3, 1, line=8)]
    valuation = valued(method, *moves)
    assert (valuation.units, valuation.cost_of_goods_sold_micros, valuation.units_at_assumed_cost) == (7, 0, 2)
    assert valuation.value_micros == valuation.value_in_micros == 7 * 5


@pytest.mark.parametrize("method", METHODS)
def test_a_shipment_undone_without_naming_it_is_as_good_as_returned(method):
    undone = Move(3, 2, 2, True, "customer", line=9)
    assert valued(method, received(1, 0, 5, 5), sold(2, 1, 2, line=9), undone).cost_of_goods_sold_micros == 0


def test_what_was_lost_of_a_line_on_its_way_does_not_come_back():
    moves = [received(1, 0, 2, 5), received(2, 0, 1, 8), sold(3, 1, 2, line=9), Move(4, 1, 1, False, "scrap", line=9)]
    valuation = valued(value_by_fifo, *moves, sent_back(5, 2, 2, line=9))
    assert (valuation.cost_of_goods_sold_micros, valuation.shrinkage_micros, valuation.value_micros) == (0, 8, 10)


# Reversals


def test_a_reversed_receipt_never_was_also_when_some_of_it_was_sold():
    mistake = [received(2, 1, 100, 999), sold(3, 2, 10), Move(4, 3, 100, False, "supplier", reverses=2)]
    for method in METHODS:
        valuation = valued(method, received(1, 0, 20, 1), *mistake)
        assert valuation == valued(method, received(1, 0, 20, 1), sold(3, 2, 10))
        assert (valuation.value_micros, valuation.cost_of_goods_sold_micros) == (10, 10)


@pytest.mark.parametrize("method", METHODS)
def test_a_reversed_reversal_leaves_the_first_movement_standing(method):
    moves = [
        received(1, 0, 9, 5),
        sold(2, 1, 4),
        received(5, 2, 9, 50),
        Move(6, 3, 4, True, "customer", reverses=2),
        Move(7, 4, 4, False, "customer", reverses=6),
    ]
    assert valued(method, *moves) == valued(method, *moves[:3])
    assert valued(method, *moves[:4]) == valued(method, moves[0], moves[2])


@pytest.mark.parametrize("method", METHODS)
def test_a_reversal_of_what_is_not_there_is_a_movement_like_any_other(method):
    valuation = valued(method, received(1, 0, 9, 5), Move(4, 3, 4, False, "supplier", reverses=77))
    assert (valuation.units, valuation.returned_to_supplier_micros) == (5, 20)


@pytest.mark.parametrize("method", METHODS)
def test_a_reversal_undoes_no_movement_of_another_sku(method):
    both = method(
        columns([received(1, 0, 9, 5), received(2, 0, 9, 5, sku=2), Move(3, 1, 4, False, "scrap", reverses=1, sku=2)])
    )
    assert (both[1].units, both[2].units, both[2].shrinkage_micros) == (9, 5, 20)


# Selling what was not there


@pytest.mark.parametrize("method", METHODS)
def test_a_shortage_is_valued_at_the_last_known_cost_and_trued_up_by_what_comes_next(method):
    short = [received(1, 0, 2, 10), sold(2, 1, 5)]
    meanwhile = valued(method, *short)
    assert (meanwhile.units, meanwhile.value_micros, meanwhile.units_short) == (-3, -30, 3)
    assert meanwhile.cost_of_goods_sold_micros == 50
    covered = valued(method, *short, received(3, 2, 4, 14))
    assert covered.cost_of_goods_sold_micros == 2 * 10 + 3 * 14
    assert (covered.units, covered.value_micros, covered.units_short) == (1, 14, 3)


@pytest.mark.parametrize("method", METHODS)
def test_a_shortage_before_any_cost_is_known_costs_what_comes_next(method):
    shortage = Move(1, 0, 3, False, "scrap")
    assert valued(method, shortage).value_micros == 0
    valuation = valued(method, shortage, received(2, 1, 2, 6), received(3, 2, 5, 9))
    assert valuation.shrinkage_micros == 2 * 6 + 1 * 9
    assert (valuation.units, valuation.value_micros) == (4, 36)


@pytest.mark.parametrize("method", METHODS)
def test_goods_sold_short_and_sent_back_before_anything_came_cost_nothing(method):
    moves = [sold(1, 0, 3, line=4), sent_back(2, 1, 3, line=4), received(3, 2, 5, 6)]
    valuation = valued(method, *moves)
    assert (valuation.units, valuation.value_micros, valuation.cost_of_goods_sold_micros) == (5, 30, 0)


@pytest.mark.parametrize("method", METHODS)
def test_goods_sold_short_come_back_at_what_they_were_trued_up_to(method):
    moves = [received(1, 0, 1, 2), sold(2, 0, 4, line=4), received(3, 1, 9, 6), sent_back(4, 2, 3, line=4)]
    valuation = valued(method, *moves)
    assert (valuation.cost_of_goods_sold_micros, valuation.value_micros) == (2, 9 * 6)


# Any history

units = st.integers(1, 12)


@st.composite
def histories(draw):
    """Receipts, sales by line, returns of lines, losses and finds, booked in one order and dated in another."""
    moves = []
    for id_ in range(1, draw(st.integers(1, 25)) + 1):
        kind = draw(
            st.sampled_from(["receipt", "receipt", "sale", "sale", "sale", "return", "loss", "find", "to supplier"])
        )
        day, quantity = draw(st.integers(0, 9)), draw(units)
        if kind == "receipt":
            moves.append(received(id_, day, quantity, draw(st.integers(0, 5 * MICROS))))
        elif kind == "sale":
            moves.append(sold(id_, day, quantity, line=draw(st.integers(1, 4))))
        elif kind == "return":
            moves.append(sent_back(id_, day, quantity, line=draw(st.integers(1, 5))))
        else:
            outside = {"loss": "scrap", "find": "adjustment", "to supplier": "supplier"}[kind]
            moves.append(Move(id_, day, quantity, kind == "find", outside))
    return moves


@dataclass
class Unit:
    """One unit of goods: when it first came, what it cost, and whether it left before it came."""

    key: tuple[int, int]
    cost: Fraction
    is_short: bool = False
    account: str = ""


@dataclass
class UnitByUnit:
    """The rules once more, carrying every single unit from where it came to where it went, in exact fractions."""

    averages: bool
    stock: list[tuple[tuple[int, int], int, Unit]] = field(default_factory=list)
    owed: list[Unit] = field(default_factory=list)
    lines: dict[int, list[Unit]] = field(default_factory=dict)
    out: dict[str, Fraction] = field(
        default_factory=lambda: dict.fromkeys(("customer", "supplier", "lost"), Fraction(0))
    )
    last_cost: Fraction | None = None
    counter: int = 0

    def bring(self, key: tuple[int, int], cost: Fraction) -> None:
        if self.owed:
            unit = self.owed.pop(0)
            self.out[unit.account] += cost - unit.cost
            unit.key, unit.cost, unit.is_short = key, cost, False
            return
        self.counter += 1
        insort(self.stock, (key, self.counter, Unit(key, cost)))
        if self.averages:
            mean = sum((unit.cost for _, _, unit in self.stock), Fraction(0)) / len(self.stock)
            for _, _, unit in self.stock:
                unit.cost = mean

    def come_in(self, key: tuple[int, int], number: int, cost: int) -> None:
        if cost != NO_COST:
            self.last_cost = Fraction(cost)
        elif self.averages and self.stock and self.last_cost is not None:
            self.last_cost = self.stock[0][2].cost
        paid = self.last_cost or Fraction(0)
        for _ in range(number):
            self.bring(key, paid)

    def fold(self, moves: list[Move]) -> UnitByUnit:
        for move in sorted(moves, key=lambda move: (move.day, move.id)):
            key = (move.day, move.id)
            line = self.lines.setdefault(move.line, [])
            if not move.comes_in:
                for _ in range(move.units):
                    self.leave(move.outside if move.outside in self.out else "lost", line)
            elif move.outside == "customer":
                back = min(move.units, len(line))
                for _ in range(back):
                    self.come_back(line.pop())
                if move.units > back:
                    self.come_in(key, move.units - back, move.cost)
            else:
                self.come_in(key, move.units, move.cost)
        return self

    def leave(self, account: str, line: list[Unit]) -> None:
        if self.stock:
            if self.averages and self.last_cost is not None:
                self.last_cost = self.stock[0][2].cost
            unit = self.stock.pop(0)[2]
        else:
            unit = Unit((0, 0), self.last_cost or Fraction(0), is_short=True)
            self.owed.append(unit)
        unit.account = account
        self.out[account] += unit.cost
        line.append(unit)

    def come_back(self, unit: Unit) -> None:
        self.out["customer"] -= unit.cost
        if unit.is_short:
            self.owed = [other for other in self.owed if other is not unit]
        else:
            self.bring(unit.key, unit.cost)

    def value(self) -> Fraction:
        return sum((unit.cost for _, _, unit in self.stock), Fraction(0)) - sum(unit.cost for unit in self.owed)


@given(histories())
def test_first_in_first_out_is_what_carrying_every_unit_gives(moves):
    valuation, carried = valued(value_by_fifo, *moves), UnitByUnit(averages=False).fold(moves)
    assert valuation.value_micros == carried.value()
    assert valuation.cost_of_goods_sold_micros == carried.out["customer"]
    assert valuation.returned_to_supplier_micros == carried.out["supplier"]
    assert valuation.shrinkage_micros == carried.out["lost"]
    assert valuation.units == len(carried.stock) - len(carried.owed)
    one_by_one = [(day, cost) for day, count, cost in layers(valuation) for _ in range(count)]
    assert one_by_one == [(key[0], unit.cost) for key, _, unit in carried.stock]


@given(histories())
def test_a_moving_average_is_what_carrying_every_unit_gives_but_for_rounding(moves):
    valuation, carried = valued(value_by_moving_average, *moves), UnitByUnit(averages=True).fold(moves)
    near: dict[str, Any] = {"abs": 2 * sum(move.units for move in moves)}  # a micro or two per unit that moved
    assert valuation.value_micros == pytest.approx(float(carried.value()), **near)
    assert valuation.cost_of_goods_sold_micros == pytest.approx(float(carried.out["customer"]), **near)
    assert valuation.returned_to_supplier_micros == pytest.approx(float(carried.out["supplier"]), **near)
    assert valuation.shrinkage_micros == pytest.approx(float(carried.out["lost"]), **near)


@given(histories(), st.sampled_from(METHODS))
def test_no_money_is_made_or_lost(moves, method):
    valuation = valued(method, *moves)
    gone = valuation.cost_of_goods_sold_micros + valuation.shrinkage_micros + valuation.returned_to_supplier_micros
    assert valuation.value_in_micros == valuation.value_micros + gone
    assert valuation.units == sum(move.units if move.comes_in else -move.units for move in moves)
    if method is value_by_fifo and valuation.units >= 0:
        assert sum(layer.units for layer in valuation.layers) == valuation.units
        assert sum(layer.units * layer.unit_cost_micros for layer in valuation.layers) == valuation.value_micros


@given(histories(), st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_the_order_in_which_movements_are_given_does_not_matter(moves, method, random):
    shuffled = random.sample(moves, len(moves))
    assert method(columns(shuffled)) == method(columns(moves))


@given(histories(), st.sampled_from(METHODS), st.data())
def test_a_movement_and_its_reversal_are_as_good_as_neither(moves, method, data):
    mistake = data.draw(st.sampled_from(moves))
    undone = replace(
        mistake, id=99, day=data.draw(st.integers(0, 9)), comes_in=not mistake.comes_in, reverses=mistake.id
    )
    others = [move for move in moves if move is not mistake]
    assert method(columns([*moves, undone])) == method(columns(others))
    if mistake.units > 1:
        rest = [replace(move, units=1) if move is mistake else move for move in moves]
        partly = replace(undone, units=mistake.units - 1)
        assert method(columns([*moves, partly])) == method(columns(rest))


# Refusals


def test_refuses_what_is_no_movement():
    moves = columns([received(1, 0, 5, 4)])
    with pytest.raises(ValueError, match="quantity must be positive, got 0 for movement 1"):
        value_by_fifo(replace(moves, quantity=np.array([0])))
    with pytest.raises(ValueError, match=r"columns of movements must have one length, got \[0, 1\]"):
        value_by_fifo(replace(moves, sku=np.array([], dtype=np.int64)))


@pytest.mark.parametrize("method", METHODS)
def test_nothing_moved_is_nothing_to_value(method):
    assert method(columns([])) == {}


def test_units_on_hand_have_an_average_and_none_have_not():
    assert valued(value_by_fifo, received(1, 0, 3, 10), received(2, 0, 1, 11)).average_cost_micros == 10
    assert valued(value_by_fifo, received(1, 0, 3, 10), sold(2, 1, 3)).average_cost_micros is None
