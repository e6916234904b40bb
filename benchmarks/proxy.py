"""A TCP proxy in a process of its own that delays every byte, and limits no bandwidth.

``python -m benchmarks.proxy HOST PORT SECONDS`` prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import deque
from types import TracebackType


class DelayProxy:
    """The proxy's process; `address` is where to connect instead.

    Parameters
    ----------
    host, port : str, int
        Where the server is.
    round_trip : float
        Seconds that a round trip takes longer; half on each way.
    """

    def __init__(self, host: str, port: int, round_trip: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.proxy", host, str(port), str(round_trip / 2)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.address = "127.0.0.1", int(self._process.stdout.readline())

    def __enter__(self) -> DelayProxy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()


class _Side(asyncio.Protocol):
    """One end of a proxied connection; what comes in leaves at the other end `delay` later.

    Every piece has its own time of delivery, so pieces that come together leave together and the
    delay bounds no rate.
    """

    def __init__(self, delay: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.delay = delay
        self.transport: asyncio.Transport | None = None
        self.other: _Side | None = None
        self.waiting: deque[bytes] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._later(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._later(b"")

    def _later(self, data: bytes) -> None:
        self.waiting.append(data)
        self.loop.call_later(self.delay, self._deliver)

    def _deliver(self) -> None:
        data = self.waiting.popleft()
        target = self.other.transport if self.other is not None else None
        if target is None:
            return
        if data:
            target.write(data)
        else:
            target.close()


class _Client(_Side):
    def __init__(self, host: str, port: int, delay: float) -> None:
        super().__init__(delay)
        self._server = host, port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        self._connecting = self.loop.create_task(self._connect(transport))

    async def _connect(self, transport: asyncio.Transport) -> None:
        server = _Side(self.delay)
        server.other = self
        self.other = server
        await self.loop.create_connection(lambda: server, *self._server)
        transport.resume_reading()


async def _run(host: str, port: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(host, port, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
