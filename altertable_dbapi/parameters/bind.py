"""A statement's placeholders and the values given for them, as ``$1..$n`` and one record batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import pyarrow as pa

from ..errors import DataError, ProgrammingError
from ..statement.scan import Statement, check_backquotes, replace, scan
from .casts import sent
from .values import column

#: What `execute` takes as parameters.


class ArrowBatch(Protocol):
    """A record batch."""

    def __len__(self) -> int: ...

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        """The data as two PyCapsules."""


Parameters: TypeAlias = Mapping[str, Any] | Sequence[Any] | ArrowBatch | None

#: In parentheses: DuckDB 1 takes no plain one before ``.a`` and ``[1]``, nor behind IN.
NULL = "(NULL)"


class Bound:
    """A text ready to be sent, and a column of one row for each of its numbers.

    Values are converted before it is made, so that one that cannot be bound fails before anything
    is sent.

    Parameters
    ----------
    text : str
        A statement whose placeholders are ``$1..$n``.
    names : sequence of str
        What each number is called in messages.
    columns : sequence of pyarrow.Array
        The value of each number.

    Attributes
    ----------
    text : str
        The statement with ``$1..$n`` for what the server binds. None is written into it: a server
        has no type for it, and any that the driver chose would change the statement's.
    """

    __slots__ = ("_columns", "_names", "_numbered", "_sent", "text")

    def __init__(self, text: str, names: Sequence[str], columns: Sequence[pa.Array]) -> None:
        self._numbered = text
        self._names = names
        self._columns = columns
        self._sent: list[pa.Array] = []
        self.text = text
        as_they_are = True
        replacements = []
        for name, array in zip(names, columns, strict=True):
            if pa.types.is_null(array.type):
                replacements.append(NULL)
                as_they_are = False
                continue
            try:
                array, kind = sent(array)
            except DataError as error:
                raise DataError(f"cannot bind the value of {name}: {error}") from None
            self._sent.append(array)
            number = f"${len(self._sent)}"
            replacements.append(number if kind is None else f"CAST({number} AS {kind})")
            as_they_are &= kind is None
        if not as_they_are:
            self.text = _filled(scan(text), replacements)

    @property
    def is_bound(self) -> bool:
        """Whether the server has a value to bind: it has none where all of them are None."""
        return bool(self._sent)

    def record_batch(self, schema: pa.Schema | None) -> pa.RecordBatch:
        """The values as a batch of one row.

        Parameters
        ----------
        schema : pyarrow.Schema or None
            The server's parameter schema. It names the columns where it has as many.
        """
        count = len(self._sent)
        # A server may name two parameters alike, so the columns go in by position.
        names = schema.names if schema is not None and len(schema) == count else None
        return pa.RecordBatch.from_arrays(
            self._sent, names=names or [str(i + 1) for i in range(count)]
        )

    def literal_text(self) -> str:
        """The statement with the values written into it.

        Raises
        ------
        DataError
            A value has no literal.
        ProgrammingError
            It cannot be told for every server where the placeholders are.
        """
        from .literals import literals  # which few statements need

        written = []
        for name, array in zip(self._names, self._columns, strict=True):
            try:
                null = pa.types.is_null(array.type)
                written.append(NULL if null else literals(array)[0])
            except DataError as error:
                raise DataError(f"cannot write the value of {name} as SQL: {error}") from None
        numbered = scan(self._numbered)
        check_backquotes(numbered)
        return _filled(numbered, written)


def _filled(numbered: Statement, replacements: Sequence[str]) -> str:
    """A statement with a text for each of its numbers."""
    numbers = [int(placeholder.name) for placeholder in numbered.placeholders]
    return replace(numbered, [replacements[number - 1] for number in numbers])


class Slots(NamedTuple):
    """A statement's placeholders as numbers: what has one name has one number.

    Attributes
    ----------
    statement : Statement
    text : str
        The statement with ``$1..$n``.
    names : list of str
        What each number is called in messages: ``$city``, ``$2``, ``?3``.
    keys : list
        For each number where its value is: a name in a mapping, or a position in a sequence.
    numbers : list of int
        For each placeholder its number.
    expected : int
        How many values a sequence has.
    """

    statement: Statement
    text: str
    names: list[str]
    keys: list[Any]
    numbers: list[int]
    expected: int

    def bind(self, parameters: Parameters, row: int | None = None) -> Bound:
        """The values of one set of parameters."""
        batch = _as_batch(parameters)
        if batch is not None:
            return self.bind_columns(self.columns(batch).columns)
        return self.bind_values(self.values(parameters), row)

    def bind_values(self, values: Sequence[Any], row: int | None = None) -> Bound:
        """Python values in number order; `row` is their set, for messages."""
        named = zip(self.names, values, strict=True)
        return self.bind_columns([column([value], name, first_row=row) for name, value in named])

    def bind_columns(self, columns: Sequence[pa.Array]) -> Bound:
        """A column of one row for each number."""
        return Bound(self.text, self.names, columns)

    def values(self, parameters: Parameters) -> list[Any]:
        """The values of one set of parameters that is a mapping or a sequence, in number order.

        Raises
        ------
        ProgrammingError
            It is neither, does not suit the placeholders' style, or a value is missing or
            superfluous.
        """
        if _as_batch(parameters) is not None:
            raise ProgrammingError("Arrow parameters among others; pass one kind")
        if self.statement.style != "named":
            if isinstance(parameters, Mapping) and parameters:
                raise ProgrammingError(
                    f"the statement has {self._style} placeholders: pass a sequence of values, or "
                    "name the placeholders $name to pass a mapping"
                )
            self._check_count(len(parameters or ()))
            given: Any = parameters
            return [given[key] for key in self.keys]
        if isinstance(parameters, Mapping):
            given = parameters
        elif not parameters:
            given = {}
        else:
            raise ProgrammingError(
                f"the statement has the named placeholder {self.names[0]}: pass a mapping of "
                f"names to values, not a {type(parameters).__name__}"
            )
        for key in self.keys:
            if key not in given:
                raise _missing(key, given)
        return [given[key] for key in self.keys]

    def columns(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The columns of Arrow parameters, of any number of rows, in number order.

        Raises
        ------
        ProgrammingError
            A column is missing, or there are too many for placeholders without names.
        """
        if self.statement.style != "named":
            self._check_count(batch.num_columns)
            return batch.select(self.keys)
        positions = {name: index for index, name in enumerate(batch.schema.names)}
        for key in self.keys:
            if key not in positions:
                raise _missing(key, positions)
        return batch.select([positions[key] for key in self.keys])

    @property
    def _style(self) -> str:
        return "$1" if self.statement.style == "numeric" else "?"

    def _check_count(self, given: int) -> None:
        if given != self.expected:
            numeric = self.statement.style == "numeric"
            many = f"{self.expected} placeholders (?)"
            wanted = f"placeholders up to ${self.expected}" if numeric else many
            raise ProgrammingError(f"the statement has {wanted}, but {given} parameters were given")


def slots(statement: Statement) -> Slots:
    """Number the placeholders of a statement.

    Raises
    ------
    ProgrammingError
        There is a ``$0``.
    """
    placeholders = statement.placeholders
    if statement.style == "numeric":
        wanted: list[Any] = sorted({int(p.name) for p in placeholders})
        if wanted[0] < 1:
            raise ProgrammingError("placeholder $0: numbers begin at $1")
        order = {number: index for index, number in enumerate(wanted, start=1)}
        numbers = [order[int(p.name)] for p in placeholders]
        names = [f"${number}" for number in wanted]
        keys, expected = [number - 1 for number in wanted], wanted[-1]
    elif statement.style == "named":
        keys = list(dict.fromkeys(p.name for p in placeholders))
        position = {name: index for index, name in enumerate(keys, start=1)}
        numbers = [position[p.name] for p in placeholders]
        names, expected = [f"${name}" for name in keys], len(keys)
    else:
        numbers = list(range(1, len(placeholders) + 1))
        names = [f"?{number}" for number in numbers]
        keys, expected = list(range(len(numbers))), len(numbers)
    text = replace(statement, [f"${number}" for number in numbers])
    return Slots(statement, text, names, keys, numbers, expected)


def bind(statement: Statement, parameters: Parameters) -> Bound | None:
    """The values of `parameters` for the placeholders of `statement`; None when it has none.

    Raises
    ------
    ProgrammingError
        A value is missing or superfluous, or the parameters do not suit the placeholders' style.
    DataError
        A value cannot be bound.
    """
    if statement.style != "none":
        return slots(statement).bind(parameters)
    batch = _as_batch(parameters)
    given = batch.num_columns if batch is not None else len(parameters or ())
    names = list(parameters) if isinstance(parameters, Mapping) else None
    hint = ""
    if given:
        from ..statement.foreign_placeholders import placeholder_hint  # which few statements need

        hint = placeholder_hint(statement.text, names)
    if given and (names is None or hint):
        parameter = "1 parameter" if given == 1 else f"{given} parameters"
        raise ProgrammingError(f"{parameter} given, but the statement has no placeholder{hint}")
    return None


def _missing(name: str, given: Any) -> ProgrammingError:
    named = ", ".join(map(str, given)) or "none"
    return ProgrammingError(f"no value for placeholder ${name}; parameters given: {named}")


def _as_batch(parameters: Any) -> pa.RecordBatch | None:
    if parameters is None or isinstance(parameters, (Mapping, list, tuple)):
        return None
    if isinstance(parameters, (str, bytes, bytearray, memoryview)):
        raise ProgrammingError(
            f"parameters are a {type(parameters).__name__}; pass a sequence such as [value] or a "
            "mapping such as {'name': value}"
        )
    arrow = isinstance(parameters, pa.RecordBatch)
    if arrow or hasattr(parameters, "__arrow_c_array__"):
        batch = parameters if arrow else pa.record_batch(parameters)
    elif hasattr(parameters, "__arrow_c_stream__"):
        table = pa.table(parameters).combine_chunks()
        batch = next(iter(table.to_batches()), None)
        if batch is None:
            batch = pa.RecordBatch.from_pylist([], schema=table.schema)
    else:
        batch = None
    if batch is not None:
        if batch.num_rows != 1:
            raise ProgrammingError(
                f"Arrow parameters have one row, not {batch.num_rows}; executemany() takes many"
            )
        return batch
    if isinstance(parameters, Sequence):
        return None
    raise ProgrammingError(
        f"parameters are a {type(parameters).__name__}; pass a sequence for ? or $1, a mapping "
        "for $name, or an Arrow record batch"
    )
