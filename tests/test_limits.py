"""What an error under a time limit says."""

from __future__ import annotations

import time

import pytest
from adbc_driver_manager import AdbcStatusCode

from altertable_dbapi import Error, InternalError, OperationalError
from altertable_dbapi.errors import sentence
from altertable_dbapi.limits import Timeouts

LATE = OperationalError("context deadline exceeded", status_code=AdbcStatusCode.TIMEOUT)
CUT = InternalError(sentence("INTERNAL: [FlightSQL] unexpected EOF (Internal; DoGet)"))


@pytest.mark.parametrize("error", [LATE, CUT], ids=["late", "cut"])
def test_a_limit_that_has_run_out_is_named(error: Error) -> None:
    begun = time.monotonic() - 2
    with pytest.raises(OperationalError, match="fetch_timeout ran out: .* than 1.5 s") as caught:
        with Timeouts(query=9, fetch=1.5).named("query", "fetch", since=begun):
            raise error
    assert caught.value.status_code == AdbcStatusCode.TIMEOUT


@pytest.mark.parametrize("error", [LATE, CUT], ids=["late", "cut"])
@pytest.mark.parametrize("limits", [Timeouts(), Timeouts(fetch=60)])
def test_an_error_before_that_is_as_it_is(error: Error, limits: Timeouts) -> None:
    with pytest.raises(type(error)) as caught, limits.named("fetch"):
        raise error
    assert caught.value is error


def test_another_error_after_it_is_as_it_is() -> None:
    other = InternalError("the disk is full")
    with pytest.raises(InternalError) as caught:
        with Timeouts(fetch=1).named("fetch", since=time.monotonic() - 2):
            raise other
    assert caught.value is other
