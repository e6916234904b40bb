"""A TCP proxy between a client and a server that can stall, cut, and count.

Used to bring about what networks do: silent connections that a load balancer drops, hosts that
vanish without a word, connections that are reset.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable


class _Link:
    """One client's connection and the one made for it to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.last_bytes = time.monotonic()
        self.passed = {client: 0, server: 0}

    def other(self, end: socket.socket) -> socket.socket:
        return self.server if end is self.client else self.client

    def cut(self) -> None:
        """Reset both ends, as a firewall does."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()


class TcpProxy:
    """Passes bytes on between clients and one server.

    Parameters
    ----------
    host, port : str, int
        The server.
    idle_limit : float, optional
        Seconds without a byte after which a connection is reset.

    Attributes
    ----------
    port : int
        Where clients connect.
    """

    def __init__(self, host: str, port: int, idle_limit: float | None = None) -> None:
        self._server = host, port
        self._idle_limit = idle_limit
        self._lock = threading.Lock()
        self._links: list[_Link] = []
        self._stalled = False
        self._refusing = False
        self._cut_when: Callable[[int], bool] | None = None
        self._stall_when: Callable[[int], bool] | None = None
        self.cuts = 0
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tcp-proxy", daemon=True)

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing = True
        self._wake.send(b"x")
        self._thread.join()

    def stall(self) -> None:
        """Pass nothing on any more, and close nothing: a host that is gone without a word."""
        self._stalled = True

    def stall_after(self, size: int) -> None:
        """The same when a connection has passed `size` more bytes from the server."""
        self._stall_when = self._more(size)

    def resume(self) -> None:
        """Pass everything on again."""
        self._stalled = False
        self._wake.send(b"x")

    def refuse(self, refusing: bool = True) -> None:
        """Reset every new connection at once."""
        self._refusing = refusing

    def cut(self) -> None:
        """Reset every connection that is open."""
        self._cut_when = lambda passed: True
        self._wake.send(b"x")

    def cut_after(self, size: int) -> None:
        """Reset a connection when it has passed `size` more bytes from the server."""
        self._cut_when = self._more(size)

    def _more(self, size: int) -> Callable[[int], bool]:
        """Whether a number of bytes from the server is `size` more than now."""
        start = max((link.passed[link.server] for link in self._links), default=0)
        return lambda passed: passed - start >= size

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(0.02):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._woken:
                    self._woken.recv(1024)
                elif not self._stalled:
                    self._pass_on(key.data, key.fileobj)  # type: ignore[arg-type]
            if self._stalled:
                # Readable ends would wake the selector again and again.
                time.sleep(0.005)
            self._cut_what_is_due()
        for link in list(self._links):
            self._drop(link)
        self._selector.close()
        for end in (self._listener, self._wake, self._woken):
            end.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        self.connections += 1
        try:
            server = socket.create_connection(self._server)
        except OSError:
            client.close()
            return
        link = _Link(client, server)
        if self._refusing:
            link.cut()
            return
        self._links.append(link)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(end, selectors.EVENT_READ, link)

    def _pass_on(self, link: _Link, end: socket.socket) -> None:
        if link not in self._links:
            return
        try:
            data = end.recv(1 << 16)
            if data:
                link.last_bytes = time.monotonic()
                link.passed[end] += len(data)
                link.other(end).sendall(data)
                if self._stall_when is not None and self._stall_when(link.passed[link.server]):
                    self._stalled, self._stall_when = True, None
                return
        except OSError:
            pass
        self._drop(link)

    def _cut_what_is_due(self) -> None:
        now = time.monotonic()
        for link in list(self._links):
            idle = self._idle_limit is not None and now - link.last_bytes > self._idle_limit
            if idle or (self._cut_when is not None and self._cut_when(link.passed[link.server])):
                self.cuts += 1
                self._drop(link)
        if self._cut_when is not None and self.cuts:
            self._cut_when = None

    def _drop(self, link: _Link) -> None:
        if link in self._links:
            self._links.remove(link)
            for end in (link.client, link.server):
                self._selector.unregister(end)
            link.cut()
