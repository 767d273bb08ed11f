"""Numbers read at addresses: compiled calls that are handed plain numbers instead of arrays.

A compiled function counts a reference to every array it is handed, and gives it back: with the arrays of a table
that costs more than looking up one number in it.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core import types
from numba.extending import intrinsic

P = ParamSpec("P")
R = TypeVar("R")


def inlined_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A `kernel` that becomes part of each kernel that calls it: for a few lines in front of another call."""
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
    return cast(Callable[P, R], compiled(function))


def _number_at(_typing: Any, address: types.Type, index: types.Type) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], context.get_value_type(types.float64).as_pointer())
        return builder.load(builder.gep(pointer, [arguments[1]]))

    return types.float64(address, index), generate


number_at = cast(Callable[[int, int], float], intrinsic(_number_at))
"""The float64 at a place, counted from 0, after an address; for kernels only."""
