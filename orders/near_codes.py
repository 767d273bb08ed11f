"""Which known code was meant: codes that a slip of the hand turns into the one that came."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_LONGEST = 40
_JOINTS = re.compile(r"[\W_]+")


def nearest_codes(code: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Known codes within a few slips of this one, likeliest first; case, blanks and punctuation do not count.

    A slip is a character too many, too few, wrong, or swapped with its neighbour. One is forgiven in codes of three
    letters and digits or more, two from eight, three from twelve. Of equally near codes the one with the same
    characters comes first, then the one that agrees longest from the beginning.
    """
    asked = _bare(code)
    slips = 0 if len(asked) < 3 else max(1, min(3, len(asked) // 4))
    if not 0 < len(asked) <= _LONGEST:
        return []
    candidates = [(bare, one) for one in known if abs(len(bare := _bare(one)) - len(asked)) <= slips and bare]
    distances = _slips_between(asked, [bare for bare, _ in candidates])
    near = [
        (distance, sorted(bare) != sorted(asked), -_same_beginning(bare, asked), one)
        for distance, (bare, one) in zip(distances.tolist(), candidates, strict=True)
        if distance <= slips
    ]
    return [one for *_, one in sorted(near)[:most]]


def _bare(code: str) -> str:
    return _JOINTS.sub("", code.upper())


def _same_beginning(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _slips_between(asked: str, codes: list[str]) -> NDArray[np.uint8]:
    """Least number of slips from one text to each of the codes (optimal string alignment), shape (code,).

    The table of the textbook is filled cell by cell, each cell for all codes at once.
    """
    if not codes:
        return np.zeros(0, dtype=np.uint8)
    width = max(map(len, codes))
    letters = np.array(codes, dtype=f"U{width}").view(np.uint32).reshape(len(codes), width).T.copy()
    wanted = [ord(letter) for letter in asked]
    matches = {letter: letters == letter for letter in set(wanted)}
    row = np.empty((width + 1, len(codes)), dtype=np.uint8)
    row[:] = np.arange(width + 1, dtype=np.uint8)[:, np.newaxis]
    above = row
    for i, letter in enumerate(wanted):
        two_above, above, row = above, row, np.empty_like(row)
        row[0] = i + 1
        for j in range(width):
            cell = np.minimum(above[j + 1], row[j]) + np.uint8(1)
            np.minimum(cell, above[j] + ~matches[letter][j], out=cell)
            if i and j:
                swapped = matches[letter][j - 1] & matches[wanted[i - 1]][j]
                np.minimum(cell, np.where(swapped, two_above[j - 1] + np.uint8(1), cell), out=cell)
            row[j + 1] = cell
    lengths = np.fromiter(map(len, codes), dtype=np.intp, count=len(codes))
    return row[lengths, np.arange(len(codes))]
