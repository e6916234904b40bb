"""What a load can be asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

Mode = Literal["create", "append", "create_append", "replace"]

MODES: tuple[Mode, ...] = get_args(Mode)

#: Bytes of a record batch, about. Servers commonly refuse gRPC messages above 4 MiB.
BATCH_BYTES = 2 * 1024 * 1024

Progress = Callable[[int, int], object]
