"""A bare gRPC server that lets a client in and refuses each statement with a chosen status.

The local server is written with pyarrow, which cannot produce every gRPC status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

_SERVICE = "/arrow.flight.protocol.FlightService/"


class RefusingServer(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers Handshake, and refuses what follows with `code` and `message`.

    GetSqlInfo, which the driver asks for on its own, is refused as unimplemented.
    """

    def __init__(self) -> None:
        self.code = grpc.StatusCode.INTERNAL
        self.message = ""
        self._server = grpc.server(ThreadPoolExecutor(2), handlers=[self])
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> RefusingServer:
        self._server.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.stop(None).wait()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        method = details.method.removeprefix(_SERVICE)
        if method == "Handshake":
            return grpc.stream_stream_rpc_method_handler(self._handshake)
        if method == "GetFlightInfo":
            return grpc.unary_unary_rpc_method_handler(self._refuse(b"CommandGetSqlInfo"))
        return grpc.unary_stream_rpc_method_handler(self._refuse(b""))

    def _handshake(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        context.send_initial_metadata((("authorization", "Bearer token"),))
        yield from ()

    def _refuse(self, unimplemented: bytes) -> Callable[[bytes, Any], Any]:
        def refuse(request: bytes, context: Any) -> None:
            if unimplemented and unimplemented in request:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, "no such command")
            context.abort(self.code, self.message)

        return refuse
