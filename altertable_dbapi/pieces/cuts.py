"""Where to cut: bounds between two values, as conditions of which each row meets exactly one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow as pa

from ..errors import NotSupportedError

_types = pa.types

#: Parameters of the driver's own, which a query may use (the snapshot) and no caller may give.
SNAPSHOT, FROM, BELOW = "snapshot", "piece_from", "piece_below"
RESERVED = frozenset({SNAPSHOT, FROM, BELOW})

# The letters of a bound in text; as many tell 2**80 values apart.
_LETTERS = 4
_POINTS = 0x110000


class Cut(NamedTuple):
    """A condition that one piece adds, and its parameters; "" takes everything."""

    condition: str
    parameters: Mapping[str, Any]


class Scale(NamedTuple):
    """How the values of a column are counted: SQL of a value's place, and of the value there."""

    place: str
    value: str
    compared: str = "{}"


def scale_of(name: str, kind: pa.DataType) -> Scale:
    """The scale of a column.

    Raises
    ------
    NotSupportedError
        Its type has none.
    """
    if _types.is_integer(kind):
        return Scale("{}::HUGEINT::VARCHAR", "{}::HUGEINT")
    if _types.is_decimal(kind):
        # Arithmetic of whole numbers: a double has no place for 38 digits.
        digits, scale = kind.precision, kind.scale
        # HUGEINT is read as a decimal of 38 digits, and has one more.
        wide = (digits, scale) == (38, 0)
        return Scale("{}::VARCHAR", "{}::HUGEINT" if wide else f"{{}}::DECIMAL({digits},{scale})")
    if _types.is_floating(kind):
        return Scale("CASE WHEN isfinite({0}) THEN {0}::DOUBLE::VARCHAR END", "{}::DOUBLE")
    if _types.is_date(kind):
        return Scale(
            "datediff('day', DATE '1970-01-01', {})::VARCHAR", "(DATE '1970-01-01' + {}::INTEGER)"
        )
    if _types.is_timestamp(kind):
        # By microseconds since 1970, so that no zone and no gap of one is in between.
        maker = "make_timestamptz" if kind.tz else "make_timestamp"
        return Scale("epoch_us({})::VARCHAR", f"{maker}({{}}::BIGINT)")
    if _types.is_string(kind) or _types.is_large_string(kind) or _types.is_string_view(kind):
        # In the order of the bounds' letters, whatever the column's collation is.
        return Scale(f"left({{}}, {_LETTERS})", "{}::VARCHAR", "({} COLLATE C)")
    raise NotSupportedError(
        f"cannot cut by ranges of {name}, whose type is {kind}: give a column of numbers, dates, "
        'timestamps or text, or how="hash"'
    )


def between(kind: pa.DataType, lower: str, upper: str, pieces: int) -> list[str]:
    """The bounds between two places, `pieces` - 1 of them or fewer, each once and ascending.

    Places and bounds are text, and counted with whole numbers as far as the type has them.
    """
    if _types.is_floating(kind):
        low, high = float(lower), float(upper)
        # Each part alone, since their difference may be infinite.
        found = [low * (1 - i / pieces) + high * (i / pieces) for i in range(1, pieces)]
        return [repr(value) for value in sorted(set(found)) if low < value <= high]
    if _types.is_decimal(kind):
        unit, scale = kind.scale, max(kind.scale, 0)
        steps = _steps(_unscaled(lower, unit), _unscaled(upper, unit), pieces)
        return [_scaled(step, scale) for step in steps]
    if _types.is_integer(kind) or _types.is_temporal(kind):
        return [str(step) for step in _steps(int(lower), int(upper), pieces)]
    return _letters(lower, upper, pieces)


def _steps(lower: int, upper: int, pieces: int) -> list[int]:
    span = upper - lower + 1
    count = min(pieces, span)
    return [lower + span * i // count for i in range(1, count)]


def _unscaled(text: str, scale: int) -> int:
    sign = -1 if text.startswith("-") else 1
    whole, _, rest = text.lstrip("-").partition(".")
    return sign * int((whole or "0") + rest.ljust(max(scale, 0), "0"))


def _scaled(value: int, scale: int) -> str:
    digits = str(abs(value)).rjust(scale + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)


def _letters(lower: str, upper: str, pieces: int) -> list[str]:
    """Prefixes between two texts, by their letters' code points, which is the order of UTF-8."""
    found = [_prefix(step) for step in _steps(_number(lower), _number(upper), pieces)]
    kept = sorted({prefix for prefix in found if prefix > lower})
    return kept[: pieces - 1]


def _number(text: str) -> int:
    number = 0
    for place in range(_LETTERS):
        number = number * _POINTS + (ord(text[place]) if place < len(text) else 0)
    return number


def _prefix(number: int) -> str:
    letters = []
    for _ in range(_LETTERS):
        number, point = divmod(number, _POINTS)
        letters.append(point)
    # Surrogates are no letters, and a NUL ends what a bound needs.
    points = [0xE000 if 0xD800 <= point < 0xE000 else point for point in reversed(letters)]
    return "".join(map(chr, points)).split("\0", 1)[0]


def ranges(column: str, scale: Scale, bounds: list[str], nulls: bool = True) -> list[Cut]:
    """A piece for each range; the first and the last are open, and NULLs are in the first.

    Parameters
    ----------
    column : str
        As SQL.
    scale : Scale
    bounds : list of str
        Ascending.
    nulls : bool
        Whether the column may be NULL.
    """
    if not bounds:
        return [Cut("", {})]
    compared = scale.compared.format(column)
    above = f"{compared} >= {scale.value.format('$' + FROM)}"
    below = f"{compared} < {scale.value.format('$' + BELOW)}"
    first = f"({below} OR {column} IS NULL)" if nulls else below
    cuts = [Cut(first, {BELOW: bounds[0]})]
    for low, high in pairwise(bounds):
        cuts.append(Cut(f"{above} AND {below}", {FROM: low, BELOW: high}))
    return [*cuts, Cut(above, {FROM: bounds[-1]})]


def hashes(column: str, pieces: int) -> list[Cut]:
    """A piece for each remainder of a hash, of which NULL has one, too."""
    if pieces == 1:
        return [Cut("", {})]
    return [Cut(f"hash({column}) % {pieces} = {piece}", {}) for piece in range(pieces)]
