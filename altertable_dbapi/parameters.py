"""A statement's placeholders and the values given for them, as ``$1..$n`` and one record batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from .errors import ProgrammingError
from .sql import Statement, replace
from .values import column

#: What `execute` takes as parameters.
Parameters: TypeAlias = Mapping[str, Any] | Sequence[Any] | pa.RecordBatch | None


class Bound:
    """A statement ready to be sent: its text with ``$1..$n``, and a column for each number.

    Values are converted when it is made, so that one that cannot be bound fails before anything
    is sent.

    Parameters
    ----------
    text : str
    names : list of str
        What each number is called in messages: ``$city``, ``$2``, ``?3``.
    values : list
        Python values in number order; not used when `batch` is given.
    batch : pyarrow.RecordBatch, optional
        The values, where the caller brought them as Arrow.
    """

    __slots__ = ("_batch", "_columns", "names", "text", "values")

    def __init__(
        self,
        text: str,
        names: list[str],
        values: list[Any],
        batch: pa.RecordBatch | None = None,
    ) -> None:
        self.text = text
        self.names = names
        self.values = values
        self._batch = batch
        self._columns = [
            None if value is None else column([value], name)
            for name, value in zip(names, values, strict=False)
        ]

    def record_batch(self, schema: pa.Schema | None) -> pa.RecordBatch:
        """The values as a batch of one row.

        Parameters
        ----------
        schema : pyarrow.Schema or None
            The server's parameter schema. It names the columns where it has as many, and gives
            None its type.
        """
        if self._batch is not None:
            return self._batch
        count = len(self._columns)
        fields = list(schema) if schema is not None and len(schema) == count else None
        arrays = [
            column([None], self.names[i], fields[i].type if fields else None)
            if array is None
            else array
            for i, array in enumerate(self._columns)
        ]
        # A server may name two parameters alike, so the columns go in by position.
        names = [f.name for f in fields] if fields else [str(i + 1) for i in range(count)]
        return pa.RecordBatch.from_arrays(arrays, names=names)


def bind(statement: Statement, parameters: Parameters) -> Bound | None:
    """The values of `parameters` for the placeholders of `statement`; None when it has none.

    Raises
    ------
    ProgrammingError
        A value is missing or superfluous, or the parameters do not suit the placeholders' style.
    """
    style = statement.style
    batch = _as_batch(parameters)
    if style == "none":
        given = batch.num_columns if batch is not None else len(parameters or ())
        if given and not isinstance(parameters, Mapping):
            raise ProgrammingError(
                f"{given} parameters given, but the statement has no placeholder"
            )
        return None
    if style == "named":
        return _bind_named(statement, parameters, batch)
    return _bind_positional(statement, parameters, batch)


def _as_batch(parameters: Any) -> pa.RecordBatch | None:
    if parameters is None or isinstance(parameters, (Mapping, list, tuple)):
        return None
    if isinstance(parameters, (str, bytes, bytearray, memoryview)):
        raise ProgrammingError(
            f"parameters are a {type(parameters).__name__}; pass a sequence such as [value] or a "
            "mapping such as {'name': value}"
        )
    if isinstance(parameters, pa.RecordBatch):
        return parameters
    if hasattr(parameters, "__arrow_c_array__"):
        return pa.record_batch(parameters)
    if hasattr(parameters, "__arrow_c_stream__"):
        batches = pa.table(parameters).combine_chunks().to_batches()
        if len(batches) != 1:
            raise ProgrammingError(
                f"an Arrow table of parameters must have one row, not {len(batches)}"
            )
        return batches[0]
    if isinstance(parameters, Sequence):
        return None
    raise ProgrammingError(
        f"parameters are a {type(parameters).__name__}; pass a sequence for ? or $1, a mapping "
        "for $name, or an Arrow record batch"
    )


def _bind_named(
    statement: Statement, parameters: Parameters, batch: pa.RecordBatch | None
) -> Bound:
    if isinstance(parameters, Mapping):
        given: Any = parameters
    elif batch is not None:
        given = {name: index for index, name in enumerate(batch.schema.names)}
    elif not parameters:
        given = {}
    else:
        raise ProgrammingError(
            f"the statement has the named placeholder ${statement.placeholders[0].name}: pass a "
            f"mapping of names to values, not a {type(parameters).__name__}"
        )
    numbers: dict[str, int] = {}
    for placeholder in statement.placeholders:
        name = placeholder.name
        if name not in numbers:
            if name not in given:
                named = ", ".join(map(str, given)) or "none"
                raise ProgrammingError(
                    f"no value for placeholder ${name}; parameters given: {named}"
                )
            numbers[name] = len(numbers) + 1
    text = replace(statement, [f"${numbers[p.name]}" for p in statement.placeholders])
    names = [f"${name}" for name in numbers]
    if batch is not None:
        return Bound(text, names, [], batch.select(list(numbers)))
    return Bound(text, names, [given[name] for name in numbers])


def _bind_positional(
    statement: Statement, parameters: Parameters, batch: pa.RecordBatch | None
) -> Bound:
    placeholders = statement.placeholders
    numeric = statement.style == "numeric"
    if isinstance(parameters, Mapping) and parameters:
        raise ProgrammingError(
            f"the statement has {'$1' if numeric else '?'} placeholders: pass a sequence of "
            "values, or name the placeholders $name to pass a mapping"
        )
    if batch is not None:
        given = batch.num_columns
    else:
        given = len(parameters or ())
    if numeric:
        wanted = sorted({int(p.name) for p in placeholders})
        expected = wanted[-1]
        if wanted[0] < 1:
            raise ProgrammingError("placeholder $0: numbers begin at $1")
    else:
        wanted = list(range(1, len(placeholders) + 1))
        expected = len(placeholders)
    if given != expected:
        style = f"placeholders up to ${expected}" if numeric else f"{expected} placeholders (?)"
        raise ProgrammingError(f"the statement has {style}, but {given} parameters were given")
    position = {number: index for index, number in enumerate(wanted, start=1)}
    if numeric:
        text = replace(statement, [f"${position[int(p.name)]}" for p in placeholders])
    else:
        text = replace(statement, [f"${number}" for number in wanted])
    names = [f"${number}" if numeric else f"?{number}" for number in wanted]
    if batch is not None:
        if len(wanted) != expected:
            batch = batch.select([number - 1 for number in wanted])
        return Bound(text, names, [], batch)
    values = list(parameters or ())
    return Bound(text, names, [values[number - 1] for number in wanted])
