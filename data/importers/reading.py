"""CSV, XLSX and Parquet files to typed columns; what cannot be read as asked is returned as a mask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.errors import UnreadableFile

Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]

MISSING = -1
_MICROS = 1_000_000
_DATE_FORMATS = (
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%m/%d/%y %H:%M", "%m/%d/%y",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d/%m/%y %H:%M", "%d/%m/%y",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y",
)  # fmt: skip


@dataclass(frozen=True)
class Coded:
    """A text column: `values[codes[i]]` is row i's text, and a code of -1 means that there is none."""

    codes: NDArray[np.int64]
    values: list[str]

    def __getitem__(self, position: int) -> str | None:
        code = self.codes[position]
        return None if code == MISSING else self.values[code]

    @property
    def missing(self) -> Mask:
        return np.asarray(self.codes == MISSING)

    def upper(self) -> Coded:
        """The same column with letters in upper case; spellings that then agree share a code."""
        return _merged(self.codes, [value.upper() for value in self.values])


@dataclass(frozen=True)
class FileTable:
    """A file's columns as they stand in it, under their names there."""

    path: Path
    columns: dict[str, pa.Array]
    rows: int

    def renamed(self, layout: Mapping[str, Iterable[str]], mapping: Mapping[str, str]) -> dict[str, pa.Array]:
        """The columns under our names.

        Args:
            layout: Our name → the names it is known by; upper and lower case, blanks and underscores are
                the same.
            mapping: Our name → the file's name, as the user says it; goes before the layout.

        Raises:
            UnreadableFile: a mapped column is unknown or is not in the file.
        """
        by_key = {_key(name): name for name in self.columns}
        found: dict[str, pa.Array] = {}
        for ours, theirs in mapping.items():
            if ours not in layout:
                raise UnreadableFile(f"cannot map {ours!r}: wanted one of {', '.join(layout)}")
            if _key(theirs) not in by_key:
                raise UnreadableFile(f"{self.path.name} has no column {theirs!r}; it has {', '.join(self.columns)}")
            found[ours] = self.columns[by_key[_key(theirs)]]
        for ours, names in layout.items():
            match = next((by_key[_key(name)] for name in (ours, *names) if _key(name) in by_key), None)
            if match is not None:
                found.setdefault(ours, self.columns[match])
        return found

    def require(self, found: Mapping[str, pa.Array], wanted: Iterable[str], *, layout: str) -> None:
        """Refuse the file when one of the wanted columns is absent.

        Raises:
            UnreadableFile: naming the columns that are missing and those that came.
        """
        wanted = list(wanted)
        lacking = [name for name in wanted if name not in found]
        if lacking:
            raise UnreadableFile(
                f"{self.path.name} lacks {', '.join(lacking)} (wanted {layout}; columns found: "
                f"{', '.join(self.columns) or 'none'}): add them or name yours with --map OURS=YOURS"
            )


def read_table(path: Path) -> FileTable:
    """Read a CSV, XLSX or Parquet file whole.

    Raises:
        UnreadableFile: missing, empty, damaged, or of another kind.
    """
    if not path.is_file():
        raise UnreadableFile(f"there is no file {path}")
    if path.stat().st_size == 0:
        raise UnreadableFile(f"{path} is empty: wanted a header line and at least one row")
    readers = {".csv": _read_csv, ".txt": _read_csv, ".tsv": _read_csv, ".xlsx": _read_xlsx, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UnreadableFile(f"cannot read {path.name}: wanted a .csv, .xlsx or .parquet file")
    columns = reader(path)
    rows = len(next(iter(columns.values()))) if columns else 0
    if rows == 0:
        raise UnreadableFile(f"{path.name} holds no rows: wanted a header line and at least one row")
    return FileTable(path, columns, rows)


def texts(column: pa.Array) -> Coded:
    """A column of codes or words. Blanks around a text are cut; a whole number loses its decimals (17850.0)."""
    encoded = pc.dictionary_encode(column)
    codes = pc.fill_null(encoded.indices, MISSING).to_numpy(zero_copy_only=False).astype(np.int64)
    words = [_as_text(value) for value in encoded.dictionary.to_pylist()]
    return _merged(codes, words)


def integers(column: pa.Array) -> tuple[Integers, Mask]:
    """A column of whole numbers, and a mask of the rows that hold none."""
    numbers, bad = _floats(column)
    whole = np.rint(numbers)
    bad |= (np.abs(whole - numbers) > 1e-9) | (np.abs(whole) > 2**53)
    return np.where(bad, 0, whole).astype(np.int64), bad


def micros(column: pa.Array) -> tuple[Integers, Mask]:
    """A column of prices as integers scaled by 10⁶, and a mask of the rows that hold none."""
    numbers, bad = _floats(column)
    bad |= np.abs(numbers) > 9e9
    return np.where(bad, 0, np.rint(numbers * _MICROS)).astype(np.int64), bad


def decimals(column: pa.Array) -> tuple[NDArray[np.float64], Mask]:
    """A column of numbers, and a mask of the rows that hold none."""
    numbers, bad = _floats(column)
    return np.where(bad, 0.0, numbers), bad


@dataclass(frozen=True)
class Moments:
    """A time column: `at` in whole seconds, NaT where absent or unreadable; `is_utc` when the file says so."""

    at: NDArray[np.datetime64]
    bad: Mask
    is_utc: bool


def moments(column: pa.Array, *, name: str, date_format: str | None = None) -> Moments:
    """A column of dates or times.

    ISO 8601 is understood as it stands. Other formats are tried on every value; when day and month could
    change places all through the column, it is refused rather than guessed.

    Raises:
        UnreadableFile: day and month cannot be told apart and no date_format was given, or only some of the
            times name their zone.
    """
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        is_utc = pa.types.is_timestamp(column.type) and column.type.tz is not None
        at = column.cast(pa.timestamp("us", tz="UTC" if is_utc else None))
        values = at.to_numpy(zero_copy_only=False).astype("datetime64[us]")
        return Moments(_whole_seconds(values), np.zeros(len(values), dtype=bool), is_utc)
    coded = texts(column)
    parsed, is_utc = _parse_times(coded.values, name, date_format)
    at = np.append(parsed, np.datetime64("NaT"))[coded.codes]
    return Moments(_whole_seconds(at), np.isnat(at) & ~coded.missing, is_utc)


def _whole_seconds(at: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Spreadsheets keep times as fractions of a day, which come back some microseconds off."""
    return (at.astype("datetime64[us]") + np.timedelta64(500, "ms")).astype("datetime64[s]")


def _parse_times(values: list[str], name: str, date_format: str | None) -> tuple[NDArray[np.datetime64], bool]:
    import pandas as pd

    written = [None if value.lower() in ("now", "today") else value for value in values]  # words to pandas, not times

    def attempt(style: str, *, utc: bool = False) -> Any:
        return pd.to_datetime(pd.Series(written, dtype="str"), format=style, errors="coerce", utc=utc)

    def naive(parsed: Any) -> NDArray[np.datetime64]:
        return np.asarray(parsed.to_numpy(), dtype="datetime64[us]")

    if date_format is not None:
        return naive(attempt(date_format)), False
    zoned = [bool(re.search(r"(Z|[+-]\d\d:?\d\d)$", value)) and ":" in value for value in values]
    if values and all(zoned):
        return naive(attempt("ISO8601", utc=True).dt.tz_localize(None)), True
    if any(zoned):
        with_zone, without = values[zoned.index(True)], values[zoned.index(False)]
        raise UnreadableFile(
            f"column {name} mixes times with and without a zone ({with_zone!r} and {without!r}): write all alike"
        )
    best = attempt("ISO8601")
    if best.isna().any():
        tried = {style: attempt(style) for style in _DATE_FORMATS}
        complete = {style: parsed for style, parsed in tried.items() if parsed.notna().all()}
        if len(complete) > 1 and any(not p.equals(next(iter(complete.values()))) for p in complete.values()):
            raise UnreadableFile(
                f"column {name} can be read as {' or '.join(complete)} (e.g. {values[0]!r}):"
                " say which with --date-format"
            )
        best = max([best, *tried.values()], key=lambda parsed: int(parsed.notna().sum()))
    return naive(best), False


def _floats(column: pa.Array) -> tuple[NDArray[np.float64], Mask]:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        try:
            column = trimmed.cast(pa.float64())
        except pa.ArrowInvalid:
            import pandas as pd

            numbers = pd.to_numeric(trimmed.to_pandas(), errors="coerce").to_numpy(dtype=np.float64)
            return np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0), ~np.isfinite(numbers)
    elif not (
        pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)
    ):
        return np.zeros(len(column)), np.ones(len(column), dtype=bool)
    numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    bad = ~np.isfinite(numbers)
    return np.where(bad, 0.0, numbers), bad


def _merged(codes: NDArray[np.int64], words: list[str]) -> Coded:
    """Codes over distinct, non-empty words, in the order of their first appearance."""
    index: dict[str, int] = {}
    renumbered = [index.setdefault(word, len(index)) if word else MISSING for word in words]
    return Coded(np.array([*renumbered, MISSING], dtype=np.int64)[codes], list(index))


def _as_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return re.sub(r"^(\d+)\.0$", r"\1", str(value).strip())


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()


def _read_parquet(path: Path) -> dict[str, pa.Array]:
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFile(f"{path.name} is no Parquet file: {_one_line(error)}") from error
    return {name: table.column(name).combine_chunks() for name in table.column_names}


def _read_csv(path: Path) -> dict[str, pa.Array]:
    import pyarrow.csv as pv

    content = path.read_bytes()
    encoding = "utf-8"
    try:
        header = content.decode(encoding).lstrip("\ufeff").partition("\n")[0]
    except UnicodeDecodeError:
        encoding = "cp1252" if not re.search(rb"[\x81\x8d\x8f\x90\x9d]", content) else "latin-1"
        header = content.decode(encoding).partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    try:
        table = pv.read_csv(
            pa.BufferReader(content),
            read_options=pv.ReadOptions(encoding=encoding, block_size=1 << 24),
            parse_options=pv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in content),
            convert_options=pv.ConvertOptions(
                column_types={name.strip().strip('"'): pa.string() for name in header.rstrip("\r").split(delimiter)},
                strings_can_be_null=True,
                null_values=["", "NaN", "nan", "NULL", "null"],
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise UnreadableFile(f"{path.name} is no readable CSV file: {_one_line(error)}") from error
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    return {name: _with_decimal_points(column) for name, column in columns.items()} if delimiter == ";" else columns


def _with_decimal_points(column: pa.Array) -> pa.Array:
    """Decimal commas as points: files with semicolons have them, and a column has them throughout or not at all."""
    has_comma = pc.fill_null(pc.match_substring(column, ","), False)
    is_decimal = pc.fill_null(pc.match_substring_regex(column, r"^\s*-?\d+,\d+\s*$"), False)
    if not pc.any(has_comma).as_py() or not pc.all(pc.equal(has_comma, is_decimal)).as_py():
        return column
    return pc.replace_substring(column, ",", ".")


def _read_xlsx(path: Path) -> dict[str, pa.Array]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    except (CalamineError, OSError, IndexError) as error:
        raise UnreadableFile(f"{path.name} is no readable XLSX file: {_one_line(error)}") from error
    while sheet and all(not str(cell).strip() for cell in sheet[-1]):  # rows of blanks below the last line
        sheet.pop()
    if not sheet:
        return {}
    header = [str(name).strip() for name in sheet[0]]
    cells: list[tuple[Any, ...]] = list(zip(*sheet[1:], strict=True)) or [()] * len(header)
    return {name: _cells(column) for name, column in zip(header, cells, strict=True) if name}


def _cells(column: tuple[Any, ...]) -> pa.Array:
    """One spreadsheet column: typed where all its cells agree, else as text."""
    values = [None if value == "" else value for value in column]
    if any(isinstance(value, datetime) for value in values):  # midnights come as dates, which would cut the others
        values = [datetime.combine(value, time()) if type(value) is date else value for value in values]
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else _as_text(value) for value in values], type=pa.string())


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
