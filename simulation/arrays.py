"""Array types of the simulator, and the most that it counts to."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
WordArray = npt.NDArray[np.uint64]

MOST_UNITS = 2**28
"""Largest quantity of one SKU. Stock on hand, on order and owed never exceed the sum of four quantities of
this size."""
