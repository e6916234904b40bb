"""The public-domain ``dbapi20`` suite, as its package ships it, against the local server."""

from __future__ import annotations

import dbapi20
import pytest

import altertable_dbapi
from altertable_dbapi.local import Server


# The suite leaves connections open in a few of its own tests.
@pytest.mark.filterwarnings("ignore:.*was not closed:ResourceWarning")
class TestCompliance(dbapi20.DatabaseAPI20Test):  # type: ignore[misc]
    driver = altertable_dbapi

    @pytest.fixture(autouse=True)
    def _connect_to(self, server: Server) -> None:
        self.connect_args = (server.uri,)

    def test_callproc(self) -> None:
        """The server has no stored procedures, which the suite's own test calls."""
        with altertable_dbapi.connect(*self.connect_args) as connection:
            with pytest.raises(altertable_dbapi.NotSupportedError, match="stored procedures"):
                connection.cursor().callproc("lower", ("FOO",))

    def test_nextset(self) -> None:
        """The suite leaves this one to each driver: here a statement has one result."""
        with altertable_dbapi.connect(*self.connect_args) as connection:
            cursor = connection.cursor().execute("SELECT 1")
            assert cursor.nextset() is None  # type: ignore[func-returns-value]
            assert cursor.fetchall() == [(1,)]

    def test_setoutputsize(self) -> None:
        """The suite leaves this one to each driver: here it changes nothing."""
        with altertable_dbapi.connect(*self.connect_args) as connection:
            cursor = connection.cursor()
            cursor.setoutputsize(10, 0)
            assert cursor.execute("SELECT 'more than ten'").fetchone() == ("more than ten",)
