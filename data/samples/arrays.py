"""The array types the generator speaks, and codes to names."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
StrArray = NDArray[np.object_]


def labels(names: tuple[str, ...], index: NDArray[Any]) -> StrArray:
    named: StrArray = np.array(names, dtype=object)[index]
    return named
