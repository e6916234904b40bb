"""What a notebook shows: errors without the driver's frames, connections and cursors as tables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import traceback
from typing import Any

import pytest

import altertable_dbapi
from altertable_dbapi import Connection, Error
from altertable_dbapi.local import Server

from ..support.secret_watch import watch

Conn = Connection[tuple[Any, ...]]


def shown(error: Error) -> str:
    return "".join(error._render_traceback_())


def caught(conn: Conn, statement: str) -> Error:
    with pytest.raises(Error) as found:
        conn.execute(statement).fetchall()
    return found.value


def test_an_error_without_the_frames_of_the_driver(
    auto: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = caught(auto, "FROM nope")
    assert len(traceback.extract_tb(error.__traceback__)) > 5
    text = shown(error)
    assert re.findall(r'File "(.*?)", line \d+, in (\w+)', text) == [(__file__, "caught")]
    assert "altertable_dbapi.ProgrammingError: Catalog Error: Table with name nope" in text
    # The error itself is as it was.
    assert len(traceback.extract_tb(error.__traceback__)) > 5
    monkeypatch.setenv("ALTERTABLE_TRACEBACK", "full")
    assert shown(error).count("altertable_dbapi/") > 5


def test_what_the_program_met_before_is_shown(auto: Conn) -> None:
    with pytest.raises(Error) as found:
        try:
            auto.execute("FROM first").fetchall()
        except Error as error:
            raise altertable_dbapi.DataError("no second") from error
    text = shown(found.value)
    assert "name first" in text and "direct cause" in text and "no second" in text
    assert "/altertable_dbapi/" not in text
    with pytest.raises(Error) as found:
        try:
            os.environ["ABSENT"]
        except KeyError:
            raise altertable_dbapi.DataError("no value")  # noqa: B904
    assert "KeyError: 'ABSENT'" in shown(found.value)


def test_what_the_driver_met_beneath_is_not(auto: Conn) -> None:
    with pytest.raises(Error) as found:
        auto.load("t", {"a": [1, "x", object()]}, mode="create")
    text = shown(found.value)
    assert text.count("Traceback") == 1
    assert len(text.splitlines()) < 12


def test_a_note_is_kept(auto: Conn) -> None:
    error = caught(auto, "FROM nope")
    if hasattr(error, "add_note"):
        error.add_note("of the third step")
        assert "of the third step" in shown(error)


@pytest.mark.parametrize("password", ["hunter2 /and@more"])
def test_no_secret_and_no_round_trip(password: str) -> None:
    watch.add(password)
    with (
        Server(username="ana", password=password) as server,
        server.connect(autocommit=True) as conn,
    ):
        cursor = conn.execute("SELECT 1 AS a, 'x' AS b")
        calls = len(server.calls)
        texts = [repr(conn), repr(cursor), conn._repr_html_(), cursor._repr_html_()]
        assert len(server.calls) == calls
        assert not any(password in text for text in texts)


def test_a_connection(server: Server) -> None:
    with server.connect() as conn:
        page = conn._repr_html_()
        for fact in ("open", f"127.0.0.1:{server.port}", "local", "none", "off"):
            assert f">{fact}</td>" in page
        assert repr(conn).endswith(f":{server.port}>")
        conn.execute('CREATE SCHEMA "<b>&"')
        conn.execute('USE "<b>&"')
        assert conn.schema == "<b>&"
        assert ".&lt;b&gt;&amp;</td>" in conn._repr_html_()
        assert repr(conn).endswith(f":{server.port} in a transaction>")
        conn.rollback()
    assert ">closed</td>" in conn._repr_html_()
    assert repr(conn).startswith("<altertable_dbapi.Connection closed ")


def test_a_cursor(auto: Conn) -> None:
    def facts() -> str:
        found = re.match(
            r"<altertable_dbapi\.Cursor (.*?) on <altertable_dbapi\.Conn", repr(cursor)
        )
        assert found
        assert f"<caption>Cursor: {found[1]}</caption>" in cursor._repr_html_()
        return found[1]

    cursor = auto.cursor()
    assert facts() == "idle"
    cursor.execute('SELECT i AS n, [i] AS "<a>" FROM range(1200) r(i)')
    assert facts() == "2 columns, 0 rows fetched so far"
    assert ">n</th><td" in cursor._repr_html_() and ">int64</td>" in cursor._repr_html_()
    assert ">&lt;a&gt;</th>" in cursor._repr_html_()
    cursor.fetchmany(5)
    assert facts() == "2 columns, 5 rows fetched so far"
    cursor.fetchall()
    assert facts() == "2 columns, 1,200 rows"
    cursor.execute("CREATE TABLE t (n INTEGER)")
    cursor.execute("INSERT INTO t VALUES (1)")
    assert facts() == "1 row changed"
    cursor.close()
    assert facts() == "closed, 1 row changed"


def test_importing_the_package_does_not_import_what_notebooks_need() -> None:
    code = "import sys, altertable_dbapi; print([m for m in sys.modules if 'notebook' in m])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout.strip() == "[]"
