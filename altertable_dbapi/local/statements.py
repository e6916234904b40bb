"""What a statement is and what it will give, found without running it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from . import parameters, schemas
from .engine import DESCRIBES_ALL_QUERIES, run
from .failures import from_engine, refusal

# The kinds whose EXPLAIN binds the statement. Of the others (SET, USE, ATTACH, ...) only the
# syntax is checked, since DuckDB has no way of binding them that does not run them.
_EXPLAINED = {"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "DROP", "ALTER", "COPY"}
_COUNTED = {"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "COPY"}
_PREPARED = {"SELECT", "INSERT", "UPDATE", "DELETE"}

_EXPLAIN = pa.schema([("explain_key", pa.utf8()), ("explain_value", pa.utf8())])
_NOTHING = pa.schema([])

# FlightInfo's types differ from the stream's on purpose, as on the service: an id that is missing
# here is announced as null, a UUID as its 16 bytes, an INTERVAL as a duration.
_ANNOUNCED = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "utinyint": pa.uint8(),
    "usmallint": pa.uint16(),
    "uinteger": pa.uint32(),
    "ubigint": pa.uint64(),
    "hugeint": pa.decimal128(38, 0),
    "float": pa.float32(),
    "double": pa.float64(),
    "varchar": pa.utf8(),
    "blob": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamp_s": pa.timestamp("s"),
    "timestamp_ms": pa.timestamp("ms"),
    "timestamp_ns": pa.timestamp("ns"),
    "interval": pa.duration("us"),
    "uuid": pa.binary(16),
}


@dataclass(frozen=True)
class Placeholder:
    """One parameter marker in a statement's text: where it stands and the parameter's name."""

    start: int
    end: int
    name: str


@dataclass(frozen=True)
class Statement:
    """A parsed and bound statement.

    Attributes
    ----------
    sql : str
        The text, without trailing semicolons.
    kind : str
        DuckDB's statement type.
    parameters : tuple of str
        The parameters' names: "1".."n", or each `$name` in the order of its first appearance.
    schema : pyarrow.Schema
        What FlightInfo announces.
    json_columns : frozenset of int
        Which columns are JSON; Arrow sees plain text there.
    """

    sql: str
    kind: str
    parameters: tuple[str, ...]
    schema: pa.Schema
    json_columns: frozenset[int]


def prepare(cursor: duckdb.DuckDBPyConnection, sql: str) -> Statement:
    """Parse and bind one statement.

    Raises
    ------
    Exception
        A refusal: nothing or several statements, transaction control as text, or an error of
        DuckDB's parser or binder.
    """
    try:
        found = cursor.extract_statements(sql)
    except duckdb.Error as error:
        raise from_engine(error, "prepare statement", "INTERNAL") from error
    if not found:
        raise refusal("INVALID_ARGUMENT", "Invalid Input Error: No statement to prepare")
    # DuckDB 1 makes several statements without a text out of one PIVOT.
    if len(found) > 1 and any(statement.query for statement in found):
        raise refusal(
            "INVALID_ARGUMENT", "Invalid Input Error: Cannot prepare multiple statements at once!"
        )
    statement = found[-1]
    kind = statement.type.name
    if kind == "TRANSACTION":
        raise refusal(
            "INVALID_ARGUMENT",
            "Not implemented Error: transaction control as SQL text; "
            "use the BeginTransaction and EndTransaction actions",
        )
    text = _without_semicolons(sql)
    names = _parameter_names(text, set(statement.named_parameters))
    try:
        columns = _describe(cursor, text, "MULTI" if len(found) > 1 else kind, names)
    except duckdb.Error as error:
        raise from_engine(error, "prepare statement", "INTERNAL") from error
    if isinstance(columns, pa.Schema):
        return Statement(text, kind, names, columns, frozenset())
    return Statement(
        text,
        kind,
        names,
        pa.schema([pa.field(name, announced(type_)) for name, type_ in columns]),
        frozenset(i for i, (_, type_) in enumerate(columns) if str(type_) == "JSON"),
    )


def start(
    cursor: duckdb.DuckDBPyConnection,
    statement: Statement,
    batch: pa.RecordBatch | None,
    batch_rows: int,
) -> pa.RecordBatchReader:
    """Begin to run a statement.

    Parameters
    ----------
    cursor : duckdb.DuckDBPyConnection
        The session's connection.
    statement : Statement
        What to run.
    batch : pyarrow.RecordBatch or None
        Its parameters: one row.
    batch_rows : int
        Rows in a batch of the result, at most.
    """
    sql = statement.sql
    if batch is not None:
        values = parameters.expressions(cursor, batch)
        by_name = dict(zip(statement.parameters, values, strict=True))
        if statement.kind in _PREPARED:
            sql = parameters.prepare(cursor, sql, by_name)
        else:
            # DuckDB 2 has no PREPARE for a MERGE or a CREATE TABLE AS.
            sql = replace_placeholders(sql, by_name)
    return run(cursor, sql, batch_rows)


def announced(type_: Any) -> pa.DataType:
    """Give the Arrow type that FlightInfo announces for a DuckDB type."""
    kind = type_.id
    if kind == "decimal":
        sizes = dict(type_.children)
        return pa.decimal128(sizes["precision"], sizes["scale"])
    if kind == "list":
        return pa.list_(pa.field("item", announced(type_.children[0][1])))
    if kind == "struct":
        return pa.struct([pa.field(name, announced(child)) for name, child in type_.children])
    return _ANNOUNCED.get(kind, pa.null())


def _describe(
    cursor: duckdb.DuckDBPyConnection, sql: str, kind: str, names: tuple[str, ...]
) -> pa.Schema | list[tuple[str, Any]]:
    if kind == "EXPLAIN":
        return _EXPLAIN
    if kind in {"MULTI", "CALL", "PRAGMA", "EXECUTE"}:
        return _NOTHING
    if names:
        return _describe_with_parameters(cursor, sql, kind, names)
    if kind == "SELECT":
        return _columns(cursor, sql)
    if kind in _EXPLAINED:
        _explain(cursor, sql)
        returned = _returning(cursor, sql)
        if returned is not None:
            return returned
    return schemas.COUNT if kind in _COUNTED else schemas.SUCCESS


def _describe_with_parameters(
    cursor: duckdb.DuckDBPyConnection, sql: str, kind: str, names: tuple[str, ...]
) -> pa.Schema | list[tuple[str, Any]]:
    if kind in _PREPARED:
        cursor.execute(f"PREPARE __altertable_describe AS\n{sql}")
        cursor.execute("DEALLOCATE __altertable_describe")
    try:
        with_nulls = replace_placeholders(sql, dict.fromkeys(names, "NULL"))
        return _describe(cursor, with_nulls, kind, ())
    except duckdb.Error:
        # Bound above; only its columns stay unknown until the types of its parameters are.
        return schemas.COUNT if kind in _COUNTED else _NOTHING


def _columns(cursor: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, Any]]:
    if DESCRIBES_ALL_QUERIES:
        found = cursor.execute(f"DESCRIBE\n{sql}").fetchall()
        return [(row[0], cursor.sqltype(row[1])) for row in found]
    relation = cursor.sql(sql)
    return list(zip(relation.columns, relation.types, strict=True))


def _explain(cursor: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        cursor.execute(f"EXPLAIN\n{sql}").fetchall()
    except duckdb.ParserException:
        # The text itself parses, so it is EXPLAIN that does not take this statement (COMMENT ON).
        return


def _returning(
    cursor: duckdb.DuckDBPyConnection, sql: str
) -> pa.Schema | list[tuple[str, Any]] | None:
    """Find what RETURNING gives by selecting its list from the statement's table."""
    words = _words(sql)
    spelled = [word.upper() for _, word in words]
    if "RETURNING" not in spelled:
        return None
    returning = words[len(spelled) - 1 - spelled[::-1].index("RETURNING")][0]
    target = None
    for i, word in enumerate(spelled):
        if word in {"INTO", "UPDATE"} or (word == "FROM" and spelled[i - 1] == "DELETE"):
            target = sql[words[i][0] + len(word) :].lstrip()
            break
    if target is None:
        return _NOTHING
    table = _leading_name(target)
    try:
        return _columns(cursor, f"SELECT {sql[returning + len('RETURNING') :]}\nFROM {table}")
    except duckdb.Error:
        return _NOTHING


def _leading_name(text: str) -> str:
    end, quoted = 0, False
    for end, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif not quoted and not (character.isalnum() or character in "._$"):
            return text[:end]
    return text[: end + 1]


def _tokens(sql: str) -> list[tuple[int, int, str, str]]:
    """Split the text with DuckDB's tokenizer: start, end, kind and text of each token."""
    # Offsets count bytes of UTF-8.
    data = sql.encode()
    starts = [(start, str(kind).rpartition(".")[2]) for start, kind in duckdb.tokenize(sql)]
    tokens = []
    for i, (start, kind) in enumerate(starts):
        end = starts[i + 1][0] if i + 1 < len(starts) else len(data)
        text = data[start:end].decode()
        position = len(data[:start].decode())
        tokens.append((position, position + len(text), kind, text))
    return tokens


def _words(sql: str) -> list[tuple[int, str]]:
    return [
        (start, text.split(None, 1)[0].strip("(,;"))
        for start, _, kind, text in _tokens(sql)
        if kind in {"keyword", "identifier"} and text.strip()
    ]


def placeholders(sql: str) -> list[Placeholder]:
    """Find the parameter markers of a statement."""
    found = []
    tokens = _tokens(sql)
    positional = 0
    for i, (start, _, kind, text) in enumerate(tokens):
        if kind != "operator":
            continue
        if text.rstrip() == "?":
            positional += 1
            found.append(Placeholder(start, start + 1, str(positional)))
        elif text.startswith("$") and text[1:].rstrip().isdigit():
            # DuckDB 1 gives $1 as one token, DuckDB 2 as two.
            name = text[1:].rstrip()
            found.append(Placeholder(start, start + 1 + len(name), name))
        elif text == "$" and i + 1 < len(tokens) and tokens[i + 1][2] != "operator":
            following = tokens[i + 1]
            name = ""
            for character in following[3]:
                if not (character.isalnum() or character == "_"):
                    break
                name += character
            found.append(Placeholder(start, following[0] + len(name), name))
    return found


def replace_placeholders(sql: str, values: dict[str, str]) -> str:
    """Put an expression in the place of each parameter marker.

    Parameters
    ----------
    sql : str
        The statement.
    values : dict
        Parameter name -> expression.
    """
    lowered = {name.lower(): value for name, value in values.items()}
    for placeholder in reversed(placeholders(sql)):
        value = lowered[placeholder.name.lower()]
        sql = f"{sql[: placeholder.start]}{value}{sql[placeholder.end :]}"
    return sql


def _parameter_names(sql: str, known: set[str]) -> tuple[str, ...]:
    if all(name.isdigit() for name in known):
        return tuple(sorted(known, key=int))
    order = dict.fromkeys(found.name for found in placeholders(sql))
    lowered = {name.lower(): name for name in known}
    names = tuple(lowered.pop(name.lower()) for name in order if name.lower() in lowered)
    return names + tuple(sorted(lowered.values()))


def _without_semicolons(sql: str) -> str:
    """Drop the semicolon that ends the statement, and what follows it."""
    if ";" not in sql:
        return sql
    for start, _, kind, text in reversed(_tokens(sql)):
        if kind == "comment":
            continue
        if text.rstrip().strip(";") == "" and text.strip():
            sql = sql[:start]
            continue
        break
    return sql
