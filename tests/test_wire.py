"""The hand-written protocol buffer code, against the generated code of another package."""

from __future__ import annotations

import pytest
from altertable_flightsql.generated import arrow_flight_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from altertable_dbapi import wire

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
    stripped = pb.FlightInfo.FromString(wire.without_locations(info.SerializeToString()))
    for each in info.endpoint:
        del each.location[:]
    assert stripped == info


@given(st.binary(max_size=60))
def test_garbage_is_refused_or_read_but_never_loops(garbage: bytes) -> None:
    try:
        wire.without_locations(garbage)
    except (ValueError, IndexError):
        pass


def test_a_message_cut_short_is_refused() -> None:
    whole = pb.FlightInfo(schema=b"x" * 300).SerializeToString()
    with pytest.raises(ValueError, match="ends inside"):
        wire.without_locations(whole[:-1])
