"""Compiled loops that allocate nothing: `lean` marks them, and they keep no count of who refers to an array.

Counting costs more than the arithmetic of an event, and so does handing over arrays with their shapes. So such loops
hand each other pointers to the arrays' numbers, indexed from 0; whoever calls the first of them holds the arrays
until it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import numba
import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from simulation.arrays import IntArray
from simulation.quantiles import CONSTANT, DistributionTable, _value
from simulation.streams import uniform_at

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

DISTRIBUTION_WIDTH = 8
_NUMBERS: Any = types.CPointer(types.int64)  # type: ignore[no-untyped-call]
_REALS: Any = types.CPointer(types.float64)  # type: ignore[no-untyped-call]


class Numbers(Protocol):
    """A pointer to whole numbers, for compiled loops."""

    def __getitem__(self, at: int) -> int: ...

    def __setitem__(self, at: int, number: int) -> None: ...


class Reals(Protocol):
    """A pointer to floats, for compiled loops."""

    def __getitem__(self, at: int) -> float: ...

    def __setitem__(self, at: int, number: float) -> None: ...


_OPTIONS: Any = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}

_OPTIONS_OF_PARTS: Any = _OPTIONS | {"no_cpython_wrapper": True, "cache": False}


def lean(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop that allocates no arrays; otherwise as `compiled.kernel`."""
    return cast(Callable[P, R], numba.njit(**_OPTIONS)(function))


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a part of such loops, which is never called from Python: that saves a good deal of compiling."""
    compiled: Any = numba.njit(**_OPTIONS_OF_PARTS)(function)
    template = compiled.get_call_template

    def of_any_number(kinds: Any, named: Any) -> Any:
        """Compiled once for all whole numbers, not once for each constant that it is called with."""
        return template(tuple(types.unliteral(kind) for kind in kinds), named)  # type: ignore[no-untyped-call]

    compiled.get_call_template = of_any_number
    return cast(Callable[P, R], compiled)


def _pointer_to(_typing: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        proxy: Any = cgutils.create_struct_proxy(signature.args[0])  # type: ignore[no-untyped-call]
        return proxy(context, builder, arguments[0]).data

    return (_REALS if array.dtype == types.float64 else _NUMBERS)(array), generate


def _shifted(_typing: Any, pointer: Any, places: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, places), generate


def _as_reals(_typing: Any, pointer: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return _REALS(pointer), generate


def _pointer_at(_typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return _NUMBERS(address), generate


pointer_to = cast(Callable[[Any], Any], intrinsic(_pointer_to))
"""To the first number of a contiguous array."""


class _Shift(Protocol):
    def __call__(self, pointer: T, places: int, /) -> T: ...


shifted = cast(_Shift, intrinsic(_shifted))
"""A pointer so many numbers on."""

as_reals = cast(Callable[[Numbers], Reals], intrinsic(_as_reals))
"""The same place, read as floats."""

pointer_at = cast(Callable[[int], Numbers], intrinsic(_pointer_at))
"""To whole numbers at an address."""


def inverses(table: DistributionTable) -> IntArray:
    """Distributions for `value_of`: kind, three parameters (as bits), addresses of values and chances, and number.

    The table must outlive the answer.
    """
    rows = np.zeros((len(table.kind), DISTRIBUTION_WIDTH), dtype=np.int64)
    rows[:, 0], rows[:, 1:4] = table.kind, np.ascontiguousarray(table.parameters).view(np.int64)[:, :3]
    rows[:, 4] = table.values.ctypes.data + 8 * table.start
    rows[:, 5] = table.chances.ctypes.data + 8 * table.start
    rows[:, 6] = table.count
    return rows


@part
def value_of(distributions: Numbers, position: int, u: float) -> float:
    """`quantiles.value_at`, of a pointer to `inverses`."""
    at = position * DISTRIBUTION_WIDTH
    r = as_reals(distributions)
    return _value(
        distributions[at],
        r[at + 1],
        r[at + 2],
        r[at + 3],
        distributions[at + 4],
        distributions[at + 5],
        distributions[at + 6],
        u,
    )


@part
def drawn(distributions: Numbers, position: int, key: Numbers, entity: int, draw: int, replication: int) -> float:
    """Value of a distribution at an address of a key's stream; a constant needs no luck."""
    if distributions[position * DISTRIBUTION_WIDTH] == CONSTANT:
        return as_reals(distributions)[position * DISTRIBUTION_WIDTH + 1]
    return value_of(distributions, position, luck(key, entity, draw, replication))


@part
def luck(key: Numbers, entity: int, draw: int, replication: int) -> float:
    """The uniform number at an address of the stream of two key words."""
    return uniform_at(np.uint64(key[0]), np.uint64(key[1]), entity, draw, replication)
