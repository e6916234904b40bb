"""Streams and announcements with random damage, in a process that may not survive them.

``python -m tests.support.random_bytes KIND SEED COUNT`` tries COUNT of them from SEED on. It prints
each seed before it tries it, so that a crash names its own, and fails where a statement gives
anything but an error of PEP 249 or rows that can be right.
"""

from __future__ import annotations

import decimal
import faulthandler
import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow as pa

import altertable_dbapi
from altertable_dbapi.protocol.messages import _fields, encode_bytes

from .hostile_server import HostileServer, flight_info, ipc_messages

#: Seconds for one statement, and then all stacks and the end.
LIMIT = 20

ROWS = 20

#: The number of that field of FlightInfo.
_SCHEMA = 1


def columns() -> dict[str, pa.Array]:
    """One of each layout that Arrow has."""
    n = ROWS
    texts = pa.array([*("x" * i if i % 2 else "é" * i for i in range(n - 1)), None])
    codes, offsets = pa.array([0, 1] * (n // 2), pa.int8()), pa.array(range(n + 1), pa.int32())
    halves = pa.array([i // 2 for i in range(n)], pa.int32())
    return {
        "ints": pa.array([*range(n - 1), None], pa.int64()),
        "floats": pa.array([i / 3 for i in range(n)]),
        "bools": pa.array([*(i % 3 == 0 for i in range(n - 1)), None]),
        "texts": texts,
        "large texts": texts.cast(pa.large_string()),
        "text views": texts.cast(pa.string_view()),
        "blobs": pa.array([b"\xff" * i for i in range(n)]),
        "fixed": pa.array([b"12345678"] * n, pa.binary(8)),
        "decimals": pa.array([decimal.Decimal(i) / 4 for i in range(n)], pa.decimal128(20, 2)),
        "times": pa.array(range(n), pa.time64("us")),
        "dates": pa.array(range(n), pa.date32()),
        "moments": pa.array(range(n), pa.timestamp("us", "UTC")),
        "durations": pa.array(range(n), pa.duration("us")),
        "intervals": pa.array([pa.MonthDayNano([i, i, i * 1000]) for i in range(n)]),
        "enum": pa.array(["a", "b", "c", None] * (n // 4)).dictionary_encode(),
        "lists": pa.array([[*range(i % 4)] for i in range(n)]),
        "large lists": pa.array([["a"] * (i % 4) for i in range(n)], pa.large_list(pa.string())),
        "list views": pa.array([[*range(i % 4)] for i in range(n)], pa.list_view(pa.int64())),
        "arrays": pa.array([[i, i + 1] for i in range(n)], pa.list_(pa.int16(), 2)),
        "enums": pa.ListArray.from_arrays(
            offsets, pa.array(["a", "b"] * (n // 2)).dictionary_encode()
        ),
        "structs": pa.array([{"a": i, "b": str(i), "c": None} for i in range(n)]),
        "lists of nulls": pa.array([{"a": str(i), "b": [None] * (i % 4)} for i in range(n)]),
        "maps": pa.array(
            [[(f"k{j}", j) for j in range(i % 3)] for i in range(n)],
            pa.map_(pa.string(), pa.int64()),
        ),
        "union": pa.UnionArray.from_sparse(codes, [pa.array(range(n)), texts]),
        "dense union": pa.UnionArray.from_dense(codes, halves, [pa.array(range(n)), texts]),
        "runs": pa.RunEndEncodedArray.from_arrays(
            pa.array([5, 10, n], pa.int32()), pa.array(["a", "b", "c"])
        ),
        "nulls": pa.nulls(n),
    }


def stream(arrays: dict[str, pa.Array], count: int) -> list[bytes]:
    batch = pa.record_batch(list(arrays.values()), names=list(arrays))
    return ipc_messages(batch.schema, [batch] * count)


def _streams() -> list[list[bytes]]:
    every = columns()
    mixed = {name: every[name] for name in ("ints", "texts", "enum", "lists", "moments")}
    return [*(stream({name: array}, 2) for name, array in every.items()), stream(mixed, 3)]


def parts(message: bytes) -> tuple[bytes, bytes]:
    """The header and the body of a FlightData."""
    found = {number: message[start:end] for number, _, _, start, end in _fields(message)}
    return found.get(2, b""), found.get(1000, b"")


def joined(header: bytes, body: bytes) -> bytes:
    return encode_bytes(2, header) + encode_bytes(1000, body)


def is_batch(message: bytes) -> bool:
    """Whether it is a record batch, neither a schema nor a dictionary."""
    header, body = parts(message)
    # An encapsulated message: -1 and the size of what follows.
    head = b"\xff\xff\xff\xff" + len(header).to_bytes(4, "little")
    kind: str = pa.ipc.read_message(pa.py_buffer(head + header + body)).type
    return kind == "record batch"


WORDS = (b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\0\0\1\0")


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The same number of bytes, some of them others."""
    changed, at = bytearray(data), chance.randrange(len(data))
    how = chance.randrange(4)
    if how == 0:
        changed[at] ^= 1 << chance.randrange(8)
    elif how == 1:
        changed[at] = chance.choice((0, 1, 127, 128, 255))
    elif how == 2:
        changed[at : at + 4] = chance.choice(WORDS)
    else:
        changed[at : at + 8] = chance.randbytes(8)
    return bytes(changed[: len(data)])


Answer = tuple[bytes, list[bytes], Callable[[list[Any]], bool]]


class Damage:
    """Makes the answers of each kind of damage; an answer says which rows can be right."""

    def __init__(self) -> None:
        self.streams = _streams()
        self.plain = [
            stream({"i": pa.array([i, i]), "s": pa.array([str(i), None])}, 1) for i in range(4)
        ]

    def body(self, chance: random.Random) -> Answer:
        """Bodies of record batches: values, offsets, indices, lengths, which of them are NULL."""
        messages = list(chance.choice(self.streams))
        batches = [i for i, message in enumerate(messages) if is_batch(message)]
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            i = chance.choice(batches)
            header, body = parts(messages[i])
            if body:
                messages[i] = joined(header, damaged(body, chance))
        return flight_info(None), messages, lambda rows: len(rows) == ROWS * len(batches)

    def cut(self, chance: random.Random) -> Answer:
        """A header or a body that ends too early."""
        schema, *batches = self.plain[0][0], *(messages[1] for messages in self.plain)
        messages = [schema, *batches]
        i = chance.randrange(len(messages))
        header, body = parts(messages[i])
        right = [row for n in range(4) for row in ((n, str(n)), (n, None))]
        if chance.random() < 0.5 or not body:
            messages[i] = joined(header[: chance.randrange(len(header))], body)
            return flight_info(None), messages, lambda rows: rows == right
        # The library may take zeros for what is missing.
        messages[i] = joined(header, body[: chance.randrange(len(body))])
        return flight_info(None), messages, lambda rows: len(rows) == len(right)

    def order(self, chance: random.Random) -> Answer:
        """Messages that are missing, come twice, or at another's place."""
        numbered: list[int | None] = [None, *range(4)]
        for _ in range(chance.randrange(1, 4)):
            how = chance.randrange(3)
            if how and numbered:
                moved = numbered.pop(chance.randrange(len(numbered)))
                if how == 1:
                    numbered.insert(chance.randrange(len(numbered) + 1), moved)
            elif numbered:
                numbered.insert(chance.randrange(len(numbered) + 1), chance.choice(numbered))
        messages = [self.plain[0][0] if n is None else self.plain[n][1] for n in numbered]
        batches = [n for n in numbered[1:] if n is not None]
        well_formed = numbered[:1] == [None] and len(batches) == len(numbered) - 1
        right = [row for n in batches for row in ((n, str(n)), (n, None))]
        return flight_info(None), messages, lambda rows: well_formed and rows == right

    def info(self, chance: random.Random) -> Answer:
        """The announcement, but for the schema in it, which nothing reads before the library."""
        whole = flight_info(None, [b"one ticket", b""], b"\x20\x05\x28\x07\x30\x01")
        how = chance.randrange(3)
        if how == 0:
            info = damaged(whole, chance)
        elif how == 1:
            info = whole[: chance.randrange(len(whole))]
        else:
            info = chance.randbytes(chance.randrange(1, 60))
        try:
            if any(number == _SCHEMA for number, *_ in _fields(info)):
                info = whole
        except altertable_dbapi.Error:  # it is no message, for the library neither
            pass
        return info, self.plain[1], lambda rows: set(rows) <= {(1, "1"), (1, None)}


def _one_by_one(cursor: Any) -> list[Any]:
    return list(iter(cursor.fetchone, None))


def _as_rows(cursor: Any) -> list[Any]:
    table = cursor.fetch_arrow_table()
    try:
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    except (ValueError, OverflowError):  # text that is no UTF-8, a day after 9999
        return [()] * int(table.num_rows)


FETCHES: list[Callable[[Any], list[Any]]] = [
    lambda cursor: list(cursor.fetchall()),
    _one_by_one,
    lambda cursor: [*cursor.fetchmany(7), *cursor.fetchmany(10_000)],
    list,
    _as_rows,
]


def main(kind: str, first: int, count: int) -> None:
    """Try `count` damages of one kind, from seed `first` on."""
    make = getattr(Damage(), kind)
    said: Counter[str] = Counter()
    with HostileServer() as server, server.connect() as connection:
        for seed in range(first, first + count):
            chance = random.Random(seed)
            info, messages, can_be_right = make(chance)
            server.info = lambda request, info=info: info  # type: ignore[misc]
            server.stream = lambda request, messages=messages: messages  # type: ignore[misc]
            print(kind, seed, flush=True)
            faulthandler.dump_traceback_later(LIMIT, exit=True)
            try:
                rows = chance.choice(FETCHES)(connection.execute("SELECT 1"))
            except altertable_dbapi.Error as error:
                if "has to be started again" in str(error):
                    raise
                said[type(error).__name__] += 1
            else:
                assert can_be_right(rows), rows
                said["rows"] += 1
            faulthandler.cancel_dump_traceback_later()
    print(dict(said))


if __name__ == "__main__":
    faulthandler.enable()
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
