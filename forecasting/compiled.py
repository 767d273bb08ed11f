"""Loops compiled to machine code, once per machine: `kernel` marks them.

Numba compiles a kernel when it is first called with arguments of given types and keeps the result beside the source
(or under `NUMBA_CACHE_DIR`), so that only the first run after an installation waits for it, and says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("forecasting")
_announced = False


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop over arrays; it runs without the interpreter's lock, so that threads run side by side.

    Strict IEEE arithmetic (no fast-math), so that the same input gives the same bits however it is batched.
    """
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not compiled.signatures and not _is_kept(compiled):
            _announce()
        return compiled(*args, **kwargs)

    call.compiled = compiled  # type: ignore[attr-defined]
    return call


def inline(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a step that kernels call; it is not called from Python."""
    return cast(Callable[P, R], numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def _is_kept(compiled: Any) -> bool:
    """Whether an earlier process left the kernel's machine code."""
    kept = getattr(compiled, "_cache", None)
    index = getattr(getattr(kept, "_impl", None), "locator", None)
    name = getattr(getattr(kept, "_impl", None), "filename_base", None)
    if index is None or name is None:
        return True
    from pathlib import Path

    return any(Path(index.get_cache_path()).glob(f"{name}*.nbi"))


def _announce() -> None:
    global _announced
    if not _announced:
        _announced = True
        _log.warning("Compiling the forecasting kernels: once per installation, up to a minute …")
