"""LangChain and marimo, each as its users write it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from altertable_dbapi.local import Server


@pytest.fixture(autouse=True)
def table(engine: Any) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE points (a INTEGER, b VARCHAR)")
        connection.exec_driver_sql("INSERT INTO points VALUES (1, 'x'), (2, NULL)")


def test_langchain(server: Server) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package is at its end
        from langchain_community.utilities import SQLDatabase
    database = SQLDatabase.from_uri(server.uri)
    assert database.dialect == "altertable"
    assert list(database.get_usable_table_names()) == ["points"]
    info = database.get_table_info(["points"])
    assert "a INTEGER" in info and "1\tx" in info
    assert database.run("SELECT a FROM points WHERE b IS NULL") == "[(2,)]"
    assert "Catalog Error" in database.run_no_throw("SELECT * FROM nothing")
    database._engine.dispose()


def test_marimo(engine: Any) -> None:
    import marimo

    frame = marimo.sql("SELECT * FROM points ORDER BY a", engine=engine, output=False)
    assert frame.rows() == [(1, "x"), (2, None)]
    marimo.sql("INSERT INTO points VALUES (3, 'z')", engine=engine, output=False)
    frame = marimo.sql("SELECT count(*) AS n FROM points", engine=engine, output=False)
    assert frame.rows() == [(3,)]
