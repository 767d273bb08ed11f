"""Loops compiled to machine code, once per machine: `kernel` marks them.

Numba keeps what it compiled beside the source (or under `NUMBA_CACHE_DIR`), so that only the first run after an
installation waits for it; `python -m simulation.warming` does that beforehand.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop over arrays; it runs without the interpreter's lock, so that threads run side by side.

    Strict IEEE arithmetic (no fast-math), so that the same input gives the same bits however it is batched.
    Kernels may call kernels.
    """
    return cast(Callable[P, R], numba.njit(cache=True, nogil=True, error_model="numpy")(function))
