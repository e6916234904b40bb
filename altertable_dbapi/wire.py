"""The few protocol buffer messages that the driver itself reads or writes.

Field numbers are those of Arrow's ``Flight.proto`` and ``FlightSql.proto``; the encoding is
https://protobuf.dev/programming-guides/encoding/. It is so little that the core needs no
protocol buffer library.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5

_FLIGHT_INFO_ENDPOINT = 3
_ENDPOINT_LOCATION = 2


def without_locations(flight_info: bytes) -> bytes:
    """A serialized FlightInfo whose endpoints name no location.

    A session lives on one connection, so a ticket must be redeemed there and nowhere else. An
    endpoint without locations means exactly that (``FlightEndpoint.location`` in Flight.proto).
    """
    parts = []
    for number, kind, start, body, stop in _fields(flight_info):
        if number == _FLIGHT_INFO_ENDPOINT and kind == _LENGTH:
            endpoint = flight_info[body:stop]
            kept = b"".join(
                endpoint[s:e] for n, _, s, _, e in _fields(endpoint) if n != _ENDPOINT_LOCATION
            )
            parts.append(encode_bytes(_FLIGHT_INFO_ENDPOINT, kept))
        else:
            parts.append(flight_info[start:stop])
    return b"".join(parts)


def encode_bytes(number: int, value: bytes) -> bytes:
    """A length-delimited field: bytes, text or an embedded message."""
    return _encode_varint(number << 3 | _LENGTH) + _encode_varint(len(value)) + value


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _decode_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position == len(message):
            raise ValueError("protocol buffer message ends inside a number")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _fields(message: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """Field number, wire type, and where tag, body and end of each field stand in `message`."""
    position, length = 0, len(message)
    while position < length:
        start = position
        tag, position = _decode_varint(message, position)
        kind, body = tag & 7, position
        if kind == _VARINT:
            _, position = _decode_varint(message, position)
        elif kind == _LENGTH:
            size, body = _decode_varint(message, position)
            position = body + size
        elif kind == _FIXED64:
            position += 8
        elif kind == _FIXED32:
            position += 4
        else:
            raise ValueError(f"protocol buffer wire type {kind} is not in use")
        if position > length:
            raise ValueError("protocol buffer message ends inside a field")
        yield tag >> 3, kind, start, body, position
