"""The status codes of gRPC (https://grpc.io/docs/guides/status-codes/)."""

from __future__ import annotations

from enum import IntEnum


class GrpcCode(IntEnum):
    """How a call has failed."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @property
    def go_name(self) -> str:
        """What the Go driver calls it."""
        if self is GrpcCode.CANCELLED:
            return "Canceled"
        return self.name.title().replace("_", "")
