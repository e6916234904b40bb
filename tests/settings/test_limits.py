"""What an error under a time limit says."""

from __future__ import annotations

import time

import pytest
from adbc_driver_manager import AdbcStatusCode

from altertable_dbapi import Error, InternalError, OperationalError
from altertable_dbapi.protocol.errors import sentence
from altertable_dbapi.settings.limits import Limits, Timeouts

LATE = OperationalError("context deadline exceeded", status_code=AdbcStatusCode.TIMEOUT)
SERVERS = OperationalError("Timeout expired", status_code=AdbcStatusCode.UNKNOWN)
CUT = InternalError(sentence("INTERNAL: [FlightSQL] unexpected EOF (Internal; DoGet)"))
ERRORS = pytest.mark.parametrize("error", [LATE, SERVERS, CUT], ids=["late", "server", "cut"])


def _fail(error: Error) -> None:
    raise error


@ERRORS
def test_a_limit_that_has_run_out_is_named(error: Error) -> None:
    begun = time.monotonic() - 2
    with pytest.raises(OperationalError, match="fetch_timeout ran out: .* than 1.5 s") as caught:
        Limits(Timeouts(query=9, fetch=1.5)).run(("fetch",), begun, _fail, error)
    assert caught.value.status_code == AdbcStatusCode.TIMEOUT


@ERRORS
def test_the_limit_of_the_whole_statement_is_named(error: Error) -> None:
    now = time.monotonic()
    limits = Limits(Timeouts(fetch=9, statement=1.5), now - 0.1)
    with pytest.raises(OperationalError, match="statement_timeout ran out: .* than 1.5 s"):
        limits.run(("fetch",), now, _fail, error)


@ERRORS
@pytest.mark.parametrize("timeouts", [Timeouts(), Timeouts(fetch=60, statement=60)])
def test_an_error_before_that_is_as_it_is(error: Error, timeouts: Timeouts) -> None:
    with pytest.raises(type(error)) as caught:
        timeouts.begin().run(("fetch",), time.monotonic(), _fail, error)
    assert caught.value is error


def test_another_error_after_it_is_as_it_is() -> None:
    other = InternalError("the disk is full")
    with pytest.raises(InternalError) as caught:
        Limits(Timeouts(fetch=1)).run(("fetch",), time.monotonic() - 2, _fail, other)
    assert caught.value is other


def test_what_is_left_of_a_statement_bounds_each_call() -> None:
    options = Timeouts(query=5, statement=30).begin().options()
    seconds = {name.rpartition(".")[2]: float(value) for name, value in options.items()}
    assert seconds["query"] == 5
    assert 29 < seconds["fetch"] <= 30
    assert 29 < seconds["update"] <= 30
