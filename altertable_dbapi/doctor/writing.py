"""What `doctor` asks of a server when it may write: loads into a schema that is dropped again."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from adbc_driver_manager import AdbcStatement, StatementOptions

from ..connection import Connection
from ..errors import Error
from ..protocol import _adbc
from ..statement.names import quote_identifier

_MIB = 1 << 20
#: Message sizes to try. The smallest is what the driver sends by itself.
_SIZES = (16, 6, 3, 2)


@contextlib.contextmanager
def _schema(connection: Connection[Any]) -> Iterator[str]:
    """A schema for the block, with nothing of it left afterwards."""
    schema = f"altertable_doctor_{uuid.uuid4().hex[:12]}"
    connection.execute(f"CREATE SCHEMA {quote_identifier(schema)}")
    try:
        yield schema
    finally:
        for table in ("loaded", "sized", "upserted"):
            connection.execute(f"DROP TABLE IF EXISTS {quote_identifier(schema)}.{table}")
        connection.execute(f"DROP SCHEMA IF EXISTS {quote_identifier(schema)}")


def _ingest(doctor: Any, connection: Connection[Any]) -> str:
    data = pa.table({"a": pa.array([1, 2, 3], pa.int64())})
    with _schema(connection) as schema, connection.cursor() as cursor:
        reported = cursor.adbc_ingest("loaded", data, mode="create", db_schema_name=schema)
        row = connection.execute(f"SELECT count(*) FROM {schema}.loaded").fetchone()
        kept = row[0] if row else 0
        return (
            f"{kept} of 3 rows kept in the schema that was named, {reported} reported; without a "
            f"schema {_landing(connection, schema)}"
        )


def _landing(connection: Connection[Any], schema: str) -> str:
    """Where a load goes that names neither catalog nor schema, while `schema` is the session's."""
    table = f"altertable_doctor_{uuid.uuid4().hex[:12]}"
    row = connection.execute("SELECT current_catalog(), current_schema()").fetchone()
    assert row is not None
    before = ".".join(map(quote_identifier, row))
    connection.adbc_current_db_schema = schema
    try:
        _load_nowhere(connection, table)
        found = connection.execute(
            # duckdb_tables() asks a lake how large each of its tables is.
            "SELECT database_name, schema_name FROM duckdb_columns() WHERE table_name = $name",
            {"name": table},
        ).fetchall()
        for place in found:
            connection.execute(f"DROP TABLE {'.'.join(map(quote_identifier, place))}.{table}")
    except Error as error:
        return f"it is refused: {str(error).splitlines()[0]}"
    finally:
        connection.execute(f"USE {before}")
    if not found:
        return "it is nowhere to be found"
    places = ["the session's schema" if p == (row[0], schema) else ".".join(p) for p in found]
    return f"in {' and '.join(places)}, the session's being {row[0]}.{schema}"


def _load_nowhere(connection: Connection[Any], table: str) -> None:
    # The driver's own loads always name the schema.
    batch = pa.record_batch({"a": pa.array([1], pa.int64())})
    with AdbcStatement(connection.adbc_connection) as statement:

        def run() -> None:
            statement.set_options(
                **{
                    StatementOptions.INGEST_TARGET_TABLE.value: table,
                    StatementOptions.INGEST_MODE.value: "adbc.ingest.mode.create",
                }
            )
            statement.bind_stream(pa.RecordBatchReader.from_batches(batch.schema, [batch]))
            statement.execute_update()

        _adbc.call(statement.cancel, run)


def _given_up(doctor: Any, connection: Connection[Any]) -> str:
    """What a server keeps of a load that it did not get to the end of."""
    rows = 20_000

    def source() -> Iterator[pa.RecordBatch]:
        # Some of it arrives while the rest is awaited.
        for start in range(0, 5 * rows, rows):
            yield pa.record_batch({"a": pa.array(range(start, start + rows), pa.int64())})
        raise _GivenUp

    with _schema(connection) as schema:
        name = f"{schema}.loaded"
        connection.execute(f"CREATE TABLE {name} (a BIGINT)")
        with contextlib.suppress(_GivenUp):
            connection.load(name, source(), batch_bytes=8 * rows)
        row = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
        kept = row[0] if row else 0
        if not kept:
            return "nothing of it is kept"
        return f"{kept:,} rows of it are kept: a load is not all or nothing here"


class _GivenUp(Exception):
    """What the source of a load fails with on purpose."""


def _message_size(doctor: Any, connection: Connection[Any]) -> str:
    refused = ""
    with _schema(connection) as schema:
        for size in _SIZES:
            # Slightly less, so that what surrounds the values does not count.
            data = pa.table({"a": pa.repeat(pa.scalar("x" * 1023), size * 1024 - 64)})
            try:
                connection.load(
                    f"{schema}.sized", data, mode="replace", batch_bytes=size * _MIB + _MIB
                )
            except Error as error:
                refused = refused or f"; {size} MiB is refused: {str(error).splitlines()[0]}"
                continue
            return f"a message of {size} MiB is taken{refused}"
        return f"not even a message of {_SIZES[-1]} MiB is taken{refused}"


def _upsert(doctor: Any, connection: Connection[Any]) -> str:
    old = pa.table({"id": [1, 2], "text": ["old", "old"]})
    new = pa.table({"id": [2, 3], "text": ["new", "new"]})
    with _schema(connection) as schema:
        name = f"{schema}.upserted"
        connection.load(name, old, mode="create")
        reported = connection.load(name, new, primary_key="id")
        rows = connection.execute(f"SELECT id, text FROM {name} ORDER BY id, text").fetchall()
        if rows == [(1, "old"), (2, "new"), (3, "new")]:
            return f"updates and inserts, {reported} rows reported"
        return f"does not update: {len(rows)} rows after 2 and 2 with one key in common"


INGEST_QUESTIONS: list[tuple[str, Callable[[Any, Connection[Any]], str]]] = [
    ("ingest", _ingest),
    ("load given up", _given_up),
    ("ingest message", _message_size),
    ("upsert", _upsert),
]
