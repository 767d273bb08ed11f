"""One program per supplier, where suppliers share nothing but the round's limits, and the bound they prove together.

The round's limits are paid for at given prices (Lagrangian relaxation), so that each supplier's order with whole packs
is a small program of its own. Their sum bounds the round from below, and closely where the round's limits matter
little: nothing of a supplier is fractional in it.
"""

import time
from dataclasses import dataclass

import numpy as np

from optimization.arrays import BoolArray, FloatArray, IntArray
from optimization.mixed_program import ProgramArrays
from optimization.replenishment_columns import OrderProgram
from optimization.tree_search import TreeSearch

SHARE = 2.0


@dataclass(frozen=True)
class SupplierBounds:
    """Attributes:
    bound: No order costs less.
    values: Of every column, each supplier's order the best found; NaN where a supplier has none.
    """

    bound: float
    values: FloatArray


def suppliers_apart(full: OrderProgram) -> bool:
    """Whether no row but the round's holds columns of two suppliers."""
    low, high = _row_owners(full)
    return bool((_round_rows(full) | (low >= high)).all() and (full.supplier >= 0).all())


def supplier_bounds(
    full: OrderProgram, row_price: FloatArray, *, offset: float, slack: float, end: float
) -> SupplierBounds:
    """The sum of each supplier's least cost with whole packs, to within the slack in all.

    Args:
        full: The program with whole packs; `suppliers_apart`.
        row_price: Dual value of the program's first rows, of which the round's count.
        offset: Added to the cost.
        slack: Shared among the suppliers.
        end: When to stop, by the monotonic clock.
    """
    program = full.program
    price = np.zeros(len(program.row_lower))
    price[full.round_rows] = row_price[full.round_rows]
    row = _entry_rows(program)
    cost = program.cost - np.bincount(program.column, price[row] * program.factor, minlength=len(program.cost))
    limits = np.where(price > 0, program.row_lower, program.row_upper)[full.round_rows]
    bound = offset + float(np.where(price[full.round_rows] != 0, price[full.round_rows] * limits, 0.0).sum())
    values = np.full(len(program.cost), np.nan)
    low, _ = _row_owners(full)
    owners = np.unique(full.supplier)
    for done, owner in enumerate(owners):
        columns = np.flatnonzero(full.supplier == owner)
        rows = np.flatnonzero((low == owner) & ~_round_rows(full))
        left = end - time.monotonic()
        search = TreeSearch(
            _part(program, cost, columns, rows),
            offset=0.0,
            slack=slack / len(owners),
            end=time.monotonic() + max(left / (len(owners) - done), 0.0) * SHARE,
        )
        search.run()
        bound += search.bound
        if search.leaves:
            values[columns] = min(search.leaves).values
    return SupplierBounds(bound, values)


def _round_rows(full: OrderProgram) -> BoolArray:
    """Rows that are the round's."""
    shared = np.zeros(len(full.program.row_lower), dtype=np.bool_)
    shared[full.round_rows] = True
    return shared


def _entry_rows(program: ProgramArrays) -> IntArray:
    return np.repeat(np.arange(len(program.row_lower)), np.diff(np.append(program.begins, len(program.column))))


def _row_owners(full: OrderProgram) -> tuple[IntArray, IntArray]:
    """The first and the last supplier with a column in each row."""
    owner, row = full.supplier[full.program.column], _entry_rows(full.program)
    low = np.full(len(full.program.row_lower), np.iinfo(np.int64).max)
    high = np.full(len(full.program.row_lower), -1)
    np.minimum.at(low, row, owner)
    np.maximum.at(high, row, owner)
    return low, high


def _part(program: ProgramArrays, cost: FloatArray, columns: IntArray, rows: IntArray) -> ProgramArrays:
    """The program of some columns and of rows that hold no others."""
    number = np.full(len(program.cost), -1)
    number[columns] = np.arange(len(columns))
    row_number = np.full(len(program.row_lower), -1)
    row_number[rows] = np.arange(len(rows))
    row = row_number[_entry_rows(program)]
    inside = row >= 0
    return ProgramArrays(
        cost=cost[columns],
        lower=program.lower[columns],
        upper=program.upper[columns],
        whole=program.whole[columns],
        row_lower=program.row_lower[rows],
        row_upper=program.row_upper[rows],
        begins=np.searchsorted(row[inside], np.arange(len(rows))),
        column=number[program.column[inside]],
        factor=program.factor[inside],
    )
