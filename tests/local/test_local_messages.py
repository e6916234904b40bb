"""The messages built at run time are Flight SQL's, field by field."""

from __future__ import annotations

from typing import Any

import pytest
from altertable_flightsql.generated import arrow_flight_pb2, arrow_flight_sql_pb2

from altertable_dbapi.local import messages

SQL = sorted(messages._sql)
FLIGHT = ["SetSessionOptionsRequest", "SetSessionOptionsResult", "GetSessionOptionsRequest"]
FLIGHT += ["GetSessionOptionsResult", "CloseSessionRequest", "CloseSessionResult"]
FLIGHT += ["SessionOptionValue"]


def generated(name: str) -> Any:
    for holder in (
        arrow_flight_sql_pb2,
        arrow_flight_sql_pb2.CommandStatementIngest,
        arrow_flight_pb2,
    ):
        if hasattr(holder, name):
            return getattr(holder, name)
    raise AssertionError(name)


def shape(message: Any) -> dict[str, tuple[Any, ...]]:
    """Describe the fields as they are on the wire, where an enumeration is an int32."""
    wire = {14: 5}
    return {
        field.name: (
            field.number,
            wire.get(field.type, field.type),
            field.is_repeated,
            field.has_presence,
        )
        for field in message.DESCRIPTOR.fields
    }


@pytest.mark.parametrize("name", [*SQL, *FLIGHT])
def test_fields_equal_the_generated_ones(name: str) -> None:
    ours = (messages._sql.get(name) or messages._flight[name]).DESCRIPTOR
    theirs = generated(name).DESCRIPTOR
    assert shape(generated(name)) == shape(messages.new(name))
    if name != "TableDefinitionOptions":
        assert ours.full_name == theirs.full_name


def test_a_generated_message_is_read() -> None:
    from google.protobuf import any_pb2

    command = arrow_flight_sql_pb2.CommandStatementIngest(
        table="t", options={"primary_key": '["id"]'}
    )
    options = arrow_flight_sql_pb2.CommandStatementIngest.TableDefinitionOptions
    command.table_definition_options.if_exists = options.TABLE_EXISTS_OPTION_APPEND
    wrapped = any_pb2.Any()
    wrapped.Pack(command)
    name, read = messages.unpack(wrapped.SerializeToString())
    assert name == "CommandStatementIngest"
    assert (read.table, dict(read.options)) == ("t", {"primary_key": '["id"]'})
    assert read.table_definition_options.if_exists == 2
    assert not read.HasField("schema")


def test_the_generated_code_reads_ours() -> None:
    from google.protobuf import any_pb2

    wrapped = any_pb2.Any()
    wrapped.ParseFromString(
        messages.pack(messages.new("ActionBeginTransactionResult", transaction_id=b"x"))
    )
    result = arrow_flight_sql_pb2.ActionBeginTransactionResult()
    assert wrapped.Unpack(result)
    assert result.transaction_id == b"x"


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xff", messages.pack(messages.new("CloseSessionResult"))]
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a Flight SQL command"):
        messages.unpack(data)


def test_a_broken_request_is_refused() -> None:
    with pytest.raises(ValueError, match="not a SetSessionOptionsRequest"):
        messages.parse("SetSessionOptionsRequest", b"\xff\xff")
