"""The few protocol buffer messages that the driver itself reads or writes.

Field numbers are those of Arrow's ``Flight.proto`` and ``FlightSql.proto``; the encoding is
https://protobuf.dev/programming-guides/encoding/. It is so little that the core needs no
protocol buffer library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import OperationalError

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5

_FLIGHT_INFO_ENDPOINT = 3
_ENDPOINT_LOCATION = 2

_INGEST_TYPE = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementIngest"

#: ``TableDefinitionOptions`` of an ingest: what to do where there is no table, and where there is
#: one (1: create or fail, 2: fail or append, 3: replace).
_INGEST_MODES = {"create": (1, 1), "append": (2, 2), "create_append": (1, 2), "replace": (1, 3)}

_SESSION_ERRORS = {1: "unknown name", 2: "invalid value", 3: "error"}


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


def ingest_command(
    table: str,
    mode: str,
    *,
    catalog: str | None = None,
    schema: str | None = None,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """A CommandStatementIngest, packed in an Any as a Flight descriptor holds it.

    Parameters
    ----------
    table : str
        The table's own name.
    mode : str
        ``create``, ``append``, ``create_append`` or ``replace``.
    catalog, schema : str, optional
        Where the table is; the server's choice when None.
    options : mapping, optional
        The server's own options of the load, by name.
    """
    missing, existing = _INGEST_MODES[mode]
    command = encode_bytes(1, _encode_number(1, missing) + _encode_number(2, existing))
    command += encode_bytes(2, table.encode()) if table else b""
    for number, name in ((3, schema), (4, catalog)):
        if name is not None:
            command += encode_bytes(number, name.encode())
    for name, value in sorted((options or {}).items()):
        entry = encode_bytes(1, name.encode()) + encode_bytes(2, value.encode())
        command += encode_bytes(1000, entry)
    return encode_bytes(1, _INGEST_TYPE) + encode_bytes(2, command)


def record_count(update_result: bytes) -> int:
    """The rows that a DoPutUpdateResult reports; -1 when the server does not know."""
    return _first_number(update_result)


def session_options(options: Mapping[str, str]) -> bytes:
    """A SetSessionOptionsRequest with text values, as the body of its action."""
    return b"".join(
        encode_bytes(1, encode_bytes(1, name.encode()) + encode_bytes(2, encode_bytes(1, text)))
        for name, text in ((name, value.encode()) for name, value in sorted(options.items()))
    )


def session_option_errors(result: bytes) -> dict[str, str]:
    """What a SetSessionOptionsResult says is wrong, by the option's name."""
    errors = {}
    for number, kind, _, body, stop in _fields(result):
        if number == 1 and kind == _LENGTH:
            entry = result[body:stop]
            name, code = "", 0
            for field, _, _, start, end in _fields(entry):
                if field == 1:
                    name = entry[start:end].decode(errors="replace")
                elif field == 2:
                    code = _first_number(entry[start:end])
            errors[name] = _SESSION_ERRORS.get(code, "unspecified error")
    return errors


def _first_number(message: bytes) -> int:
    """Field 1 of a message, a 64-bit integer; 0 where it is not written."""
    found = 0
    for number, kind, _, body, _ in _fields(message):
        if number == 1 and kind == _VARINT:
            value, _ = _decode_varint(message, body)
            found = value - (1 << 64) if value >= 1 << 63 else value
    return found


def encode_bytes(number: int, value: bytes) -> bytes:
    """A length-delimited field: bytes, text or an embedded message."""
    return _encode_varint(number << 3 | _LENGTH) + _encode_varint(len(value)) + value


def _encode_number(number: int, value: int) -> bytes:
    return _encode_varint(number << 3 | _VARINT) + _encode_varint(value)


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
            raise _malformed("ends inside a number")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise _malformed("has a number of more than 64 bits")


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
            raise _malformed(f"has a field of wire type {kind}, which is not in use")
        if position > length:
            raise _malformed("ends inside a field")
        yield tag >> 3, kind, start, body, position


def _malformed(how: str) -> OperationalError:
    return OperationalError(f"the server's answer is no protocol buffer message: it {how}")
