"""Watches the whole run of the tests for secrets in what the driver says.

The password of every server that a test starts, and the token of each session that it opens, must
be in no log record at any level, no exception with all that led to it, no warning and no output.
`tests/conftest.py` takes the fixture and the hook from here.
"""

from __future__ import annotations

import base64
import logging
import traceback
import warnings
from collections.abc import Generator, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from altertable_dbapi import errors
from altertable_dbapi.local import Server, sessions
from altertable_dbapi.settings.secret import Secret

#: Of every server for which a test says no other; it has what URIs and headers trip over.
PASSWORD = "T3sts' own: pä/ss@w%rd"


class Watch(logging.Handler):
    """What has been said, as far as it holds a secret."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.leaks: list[str] = []
        self.secrets: set[str] = set()
        self.forget()

    def forget(self) -> None:
        """Begin again, for another test."""
        self.leaks.clear()
        self.secrets.clear()
        self.add(PASSWORD)
        basic = base64.b64encode(f"local:{PASSWORD}".encode()).decode()
        self.add(basic.rstrip("="))

    def add(self, secret: str) -> None:
        """Watch for one more secret, in the forms in which it travels."""
        secret = str(secret)  # without a repr of its own
        self.secrets |= {secret, repr(secret)[1:-1], quote(secret), quote(secret, safe="")}

    def look(self, where: str, text: str) -> None:
        """Note a text that holds a secret."""
        if any(secret in text for secret in list(self.secrets)):
            self.leaks.append(f"{where}: {text}")

    def emit(self, record: logging.LogRecord) -> None:
        self.look(f"log of {record.name}", f"{record.getMessage()} {record.args!r}")
        if record.exc_info and record.exc_info[1] is not None:
            self.look_at_error("logged exception", record.exc_info[1])

    def look_at_error(self, where: str, error: BaseException) -> None:
        """Note an exception with a secret, in what led to it as well, shown or not."""
        self.look(where, "".join(traceback.format_exception(error)))
        seen: set[int] = set()
        waiting: list[BaseException | None] = [error]
        while waiting:
            one = waiting.pop()
            if one is None or id(one) in seen:
                continue
            seen.add(id(one))
            details = getattr(one, "details", None)
            self.look(where, f"{one} {one!r} {one.args!r} {details!r}")
            waiting += [one.__cause__, one.__context__]


watch = Watch()


def _install() -> None:
    defaults = Server.__init__.__kwdefaults__
    assert defaults is not None
    defaults["password"] = PASSWORD

    opening = sessions.Sessions.open

    def opened(self: sessions.Sessions, authorization: Secret) -> Secret:
        token = opening(self, authorization)
        watch.add(token)
        return token

    sessions.Sessions.open = opened  # type: ignore[method-assign]

    making = errors.Error.__init__

    def made(self: errors.Error, message: str, **kwargs: Any) -> None:
        watch.look("error", f"{message} {kwargs.get('details')!r}")
        making(self, message, **kwargs)

    errors.Error.__init__ = made  # type: ignore[method-assign]

    # What pytest.raises catches, with what led to it.
    filling = pytest.ExceptionInfo.fill_unfilled

    def filled(self: Any, exc_info: Any) -> None:
        watch.look_at_error("exception", exc_info[1])
        filling(self, exc_info)

    pytest.ExceptionInfo.fill_unfilled = filled  # type: ignore[method-assign]

    warning = warnings.warn

    def warn(
        message: Any, category: Any = None, stacklevel: int = 1, source: Any = None, **kwargs: Any
    ) -> None:
        watch.look("warning", str(message))
        warning(message, category, stacklevel + 1, source, **kwargs)

    warnings.warn = warn


_install()


@pytest.fixture(autouse=True)
def _no_secret_is_told() -> Iterator[None]:
    logger = logging.getLogger("altertable_dbapi")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(watch)
    watch.forget()
    yield
    logging.getLogger().removeHandler(watch)
    logger.setLevel(level)
    leaks = list(watch.leaks)
    watch.leaks.clear()
    assert not leaks


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose output has a secret in it."""
    report = yield
    if call.when != "setup":
        watch.leaks.clear()
        for name, text in report.sections:
            watch.look(name, text)
        if watch.leaks and report.passed:
            report.outcome = "failed"
            report.longrepr = "\n".join(watch.leaks)
        watch.leaks.clear()
    return report
