"""A bare gRPC Flight server that answers each call with whatever bytes it is told to.

The local server is written with pyarrow, which does not let a wrong answer out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pyarrow as pa

import altertable_dbapi
from altertable_dbapi.protocol.messages import encode_bytes

_SERVICE = "/arrow.flight.protocol.FlightService/"
_GET_SQL_INFO = b"CommandGetSqlInfo"


def number(field: int, value: int) -> bytes:
    """A varint field below 128."""
    assert value < 128
    return bytes((field << 3, value))


def ipc_messages(schema: pa.Schema, batches: Iterable[pa.RecordBatch] = ()) -> list[bytes]:
    """FlightData messages of a stream: the schema, then dictionaries and batches."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return flight_data(sink.getvalue().to_pybytes())


def flight_data(stream: bytes) -> list[bytes]:
    """FlightData messages of an encapsulated IPC stream."""
    messages: list[bytes] = []
    reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(stream))
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return messages
        body = message.body.to_pybytes() if message.body is not None else b""
        messages.append(encode_bytes(2, message.metadata.to_pybytes()) + encode_bytes(1000, body))


def flight_info(
    schema: bytes | pa.Schema | None, tickets: Iterable[bytes] = (b"ticket",), extra: bytes = b""
) -> bytes:
    """A serialized FlightInfo, with an endpoint a ticket."""
    if isinstance(schema, pa.Schema):
        schema = schema.serialize().to_pybytes()
    endpoints = b"".join(encode_bytes(3, encode_bytes(1, encode_bytes(1, t))) for t in tickets)
    return (b"" if schema is None else encode_bytes(1, schema)) + endpoints + extra


def action_result(type_name: str, body: bytes) -> bytes:
    """The Result of an action, its message packed in an Any."""
    packed = encode_bytes(1, f"type.googleapis.com/arrow.flight.protocol.sql.{type_name}".encode())
    return encode_bytes(1, packed + encode_bytes(2, body))


class Abort(Exception):
    """Ends a call with a gRPC status, whose message may be any bytes."""

    def __init__(self, code: grpc.StatusCode, message: str | bytes = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message


class HostileServer(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers what the test says; by default ``SELECT`` gives one column of three numbers.

    Attributes
    ----------
    info, sql_info : callable
        The answer to GetFlightInfo, by the request: bytes, or an `Abort` that is raised.
    stream : callable
        The messages of DoGet, by the request.
    put : callable
        The messages that answer DoPut.
    actions : callable
        The results of an action, by the request.
    token : str or None
        The authorization header that the handshake answers with.
    """

    def __init__(self) -> None:
        schema = pa.schema({"i": pa.int64()})
        batch = pa.record_batch({"i": pa.array([1, 2, 3], pa.int64())})
        self.info: Callable[[bytes], bytes] = lambda request: flight_info(schema)
        self.sql_info: Callable[[bytes], bytes] = self._no_sql_info
        self.stream: Callable[[bytes], Iterable[bytes]] = lambda request: ipc_messages(
            schema, [batch]
        )
        self.put: Callable[[], Iterable[bytes]] = tuple
        self.actions: Callable[[bytes], Iterable[bytes]] = self._no_action
        self.token: str | None = "Bearer token"
        self.calls: list[str] = []
        limits = [
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
        ]
        self._server = grpc.server(ThreadPoolExecutor(4), handlers=[self], options=limits)
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> HostileServer:
        self._server.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.stop(None).wait()

    def connect(self, **settings: Any) -> altertable_dbapi.Connection[tuple[Any, ...]]:
        """A connection whose every wait has an end."""
        limits = dict.fromkeys(
            ("connect_timeout", "query_timeout", "fetch_timeout", "update_timeout"), 20
        )
        return altertable_dbapi.connect(
            host="127.0.0.1",
            port=self.port,
            tls=False,
            username="u",
            password="p",
            **{"autocommit": True, **limits, **settings},
        )

    def rows(self, fetch: Callable[[Any], Any] = lambda c: c.fetchall(), **settings: Any) -> Any:
        """What a new connection fetches of a statement."""
        with self.connect(**settings) as connection:
            return fetch(connection.execute("SELECT 1"))

    def send(
        self, schema: pa.Schema, batches: Iterable[pa.RecordBatch] | None, *messages: bytes
    ) -> None:
        """Have every statement answered by these batches, or by these messages."""
        sent = list(messages) if batches is None else [*ipc_messages(schema, batches), *messages]
        self.info = lambda request: flight_info(schema)
        self.stream = lambda request: sent

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        method = details.method.removeprefix(_SERVICE)
        self.calls.append(method)
        if method == "Handshake":
            return grpc.stream_stream_rpc_method_handler(self._handshake)
        if method == "GetFlightInfo":
            return grpc.unary_unary_rpc_method_handler(self._answered(self._info))
        if method == "DoPut":
            return grpc.stream_stream_rpc_method_handler(self._put)
        answer = self._stream if method == "DoGet" else self._actions
        return grpc.unary_stream_rpc_method_handler(answer)

    def _handshake(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        if self.token is not None:
            context.send_initial_metadata((("authorization", self.token),))
        yield from ()

    def _answered(self, answer: Callable[[bytes], bytes]) -> Callable[[bytes, Any], bytes]:
        def call(request: bytes, context: Any) -> bytes:
            try:
                return answer(request)
            except Abort as abort:
                context.abort(abort.code, abort.message)
                raise

        return call

    def _info(self, request: bytes) -> bytes:
        return (self.sql_info if _GET_SQL_INFO in request else self.info)(request)

    def _no_sql_info(self, request: bytes) -> bytes:
        raise Abort(grpc.StatusCode.UNIMPLEMENTED, "no such command")

    def _no_action(self, request: bytes) -> Iterable[bytes]:
        if b"CloseSession" in request:
            return [encode_bytes(1, number(1, 1))]
        raise Abort(grpc.StatusCode.UNIMPLEMENTED, "no such action")

    def _stream(self, request: bytes, context: Any) -> Iterator[bytes]:
        yield from self._aborted(lambda: self.stream(request), context)

    def _actions(self, request: bytes, context: Any) -> Iterator[bytes]:
        yield from self._aborted(lambda: self.actions(request), context)

    def _put(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        for _ in requests:
            pass
        yield from self._aborted(self.put, context)

    def _aborted(self, answers: Callable[[], Iterable[bytes]], context: Any) -> Iterator[bytes]:
        try:
            yield from answers()
        except Abort as abort:
            context.abort(abort.code, abort.message)
