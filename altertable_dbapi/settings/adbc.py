"""How ADBC's Flight SQL driver is told of settings."""

from __future__ import annotations

from . import tls
from .settings import Settings

#: The largest gRPC message that is accepted, in bytes. ADBC's own default of 16 MiB is less than
#: one record batch of wide rows.
MAX_MESSAGE_BYTES = 512 * 1024 * 1024


def adbc_database_options(settings: Settings) -> dict[str, str]:
    """The options of ``AdbcDatabase`` for these settings."""
    prefix = "adbc.flight.sql."
    options = {
        "username": settings.username,
        "password": settings.password,
        f"{prefix}client_option.with_max_msg_size": str(MAX_MESSAGE_BYTES),
    }
    timeouts = {
        "query": settings.query_timeout,
        "fetch": settings.fetch_timeout,
        "update": settings.update_timeout,
    }
    for call, seconds in timeouts.items():
        if seconds is not None:
            options[f"{prefix}rpc.timeout_seconds.{call}"] = str(seconds)
    return options | tls.adbc_options(settings)
