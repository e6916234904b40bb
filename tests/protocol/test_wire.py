"""The hand-written protocol buffer code, against the generated code of another package."""

from __future__ import annotations

import contextlib
from typing import Any, cast

import pytest
from altertable_flightsql.generated import arrow_flight_pb2 as pb
from altertable_flightsql.generated import arrow_flight_sql_pb2 as sql_pb
from google.protobuf import any_pb2
from hypothesis import given
from hypothesis import strategies as st

from altertable_dbapi import OperationalError
from altertable_dbapi.protocol import messages

endpoints = st.lists(
    st.builds(
        lambda ticket, uris, metadata: pb.FlightEndpoint(
            ticket=pb.Ticket(ticket=ticket),
            location=[pb.Location(uri=uri) for uri in uris],
            app_metadata=metadata,
        ),
        st.binary(max_size=300),
        st.lists(st.text(max_size=20), max_size=3),
        st.binary(max_size=10),
    ),
    max_size=4,
)


@given(st.binary(max_size=2000), endpoints, st.integers(-1, 2**40), st.booleans())
def test_locations_go_and_nothing_else_does(
    schema: bytes, endpoint: list[pb.FlightEndpoint], records: int, ordered: bool
) -> None:
    info = pb.FlightInfo(schema=schema, endpoint=endpoint, total_records=records, ordered=ordered)
    stripped = pb.FlightInfo.FromString(messages.without_locations(info.SerializeToString()))
    for each in info.endpoint:
        del each.location[:]
    assert stripped == info


@given(st.binary(max_size=60))
def test_garbage_is_refused_or_read_but_never_loops(garbage: bytes) -> None:
    for read in (messages.without_locations, messages.record_count, messages.session_option_errors):
        with contextlib.suppress(OperationalError):
            read(garbage)


def test_a_message_cut_short_is_refused() -> None:
    whole = pb.FlightInfo(schema=b"x" * 300).SerializeToString()
    with pytest.raises(OperationalError, match="ends inside"):
        messages.without_locations(whole[:-1])


names = st.text(min_size=1, max_size=30)
# Of names that begin alike the generated code sorts the longer ones first; the order of a map is
# nobody's business, but equal bytes are easy to compare.
options_by_name = st.dictionaries(
    st.sampled_from(["primary_key", "cursor_field", "catalog", "größe", "x"]),
    st.text(max_size=300),
)
modes: dict[str, tuple[Any, Any]] = {
    "create": (1, 1),
    "append": (2, 2),
    "create_append": (1, 2),
    "replace": (1, 3),
}


@given(
    names,
    st.sampled_from(sorted(modes)),
    st.none() | names,
    st.none() | names,
    options_by_name,
)
def test_an_ingest_command_is_that_of_the_generated_code(
    table: str, mode: str, catalog: str | None, schema: str | None, options: dict[str, str]
) -> None:
    missing, existing = modes[mode]
    command = sql_pb.CommandStatementIngest(
        table=table, schema=schema, catalog=catalog, options=options
    )
    command.table_definition_options.if_not_exist = missing
    command.table_definition_options.if_exists = existing
    packed = any_pb2.Any(
        type_url="type.googleapis.com/arrow.flight.protocol.sql.CommandStatementIngest",
        value=command.SerializeToString(deterministic=True),
    )
    encoded = messages.ingest_command(table, mode, catalog=catalog, schema=schema, options=options)
    assert encoded == packed.SerializeToString(deterministic=True)
    decoded = any_pb2.Any.FromString(encoded)
    assert sql_pb.CommandStatementIngest.FromString(decoded.value) == command


@given(st.integers(-1, 2**63 - 1))
def test_record_counts(count: int) -> None:
    message = sql_pb.DoPutUpdateResult(record_count=count)
    assert messages.record_count(message.SerializeToString()) == count


@given(options_by_name)
def test_session_options_are_those_of_the_generated_code(options: dict[str, str]) -> None:
    request = pb.SetSessionOptionsRequest(
        session_options={
            name: pb.SessionOptionValue(string_value=value) for name, value in options.items()
        }
    )
    assert messages.session_options(options) == request.SerializeToString(deterministic=True)


@given(st.dictionaries(names, st.integers(0, 3), max_size=4))
def test_errors_of_session_options(errors: dict[str, int]) -> None:
    result = pb.SetSessionOptionsResult(
        errors={
            name: pb.SetSessionOptionsResult.Error(value=cast(Any, code))
            for name, code in errors.items()
        }
    )
    said = {0: "unspecified error", 1: "unknown name", 2: "invalid value", 3: "error"}
    assert messages.session_option_errors(result.SerializeToString()) == {
        name: said[code] for name, code in errors.items()
    }
