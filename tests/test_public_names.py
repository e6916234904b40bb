"""Public names: where they say they are from, and what type checkers refuse."""

from __future__ import annotations

import pickle
import types
from pathlib import Path

import pytest

import adbc_driver_altertable
import altertable_airflow_provider
import altertable_dbapi
import pytest_altertable
from altertable_dbapi import Connection, Cursor, Interval, sql
from altertable_dbapi.local import Server

from .support import typed_program


def test_public_names_say_that_they_are_the_packages() -> None:
    for name in altertable_dbapi.__all__:
        public = getattr(altertable_dbapi, name)
        if isinstance(public, type | types.FunctionType) and public.__name__ == name:
            home = {"Connection": "adbc_driver_altertable.dbapi"} | {
                "Cursor": "adbc_driver_altertable.dbapi",
                "Warning": "adbc_driver_manager._lib",
            }
            assert public.__module__ == home.get(name, "altertable_dbapi"), name


@pytest.mark.parametrize(
    "value",
    [
        Interval(1, 2, 3),
        sql("SELECT $a", a=1),
        altertable_dbapi.DataError("wrong"),
        altertable_dbapi.dict_row,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_can_be_pickled_names_the_package(value: object) -> None:
    data = pickle.dumps(value)
    assert b"altertable_dbapi." not in data
    again = pickle.loads(data)
    assert type(again) is type(value)
    assert str(again) == str(value)


def misused(connection: Connection[tuple[object, ...]]) -> None:
    """Each line is an error to mypy, which says so where it finds none."""
    connection.execute("SELECT ?", 5)  # type: ignore[arg-type]
    connection.load("t", 3)  # type: ignore[arg-type]
    connection.load("t", [], mode="upsert")  # type: ignore[arg-type]
    connection.cursor(binding="both")  # type: ignore[call-overload]
    altertable_dbapi.connect(compute_size="XXL")  # type: ignore[call-overload]


def test_a_program_that_is_checked_for_its_types_runs(tmp_path: Path) -> None:
    typed_program.main(tmp_path)


@pytest.mark.parametrize(
    "package",
    [altertable_dbapi, adbc_driver_altertable, altertable_airflow_provider, pytest_altertable],
    ids=lambda package: package.__name__,
)
def test_type_checkers_are_told_to_look_at_the_package(package: types.ModuleType) -> None:
    assert package.__file__ is not None
    assert Path(package.__file__).with_name("py.typed").exists()


def test_sql_is_a_function_and_connect_one() -> None:
    assert isinstance(altertable_dbapi.sql, types.FunctionType)
    assert isinstance(altertable_dbapi.connect, types.FunctionType)


def test_a_connection_says_where_it_stands(server: Server) -> None:
    with altertable_dbapi.connect(server.uri, autocommit=True) as connection:
        catalog = connection.catalog
        assert connection.schema == "main"
        connection.execute("CREATE SCHEMA names_of_its_own")
        connection.execute("USE names_of_its_own")
        assert (connection.catalog, connection.schema) == (catalog, "names_of_its_own")
        cursor: Cursor[tuple[object, ...]] = connection.cursor()
        assert not cursor.closed
        cursor.close()
        assert cursor.closed
        connection.cancel()  # nothing is under way
        other = connection.cursor()
    assert other.closed
    connection.close()  # once more than the block, which is welcome
    with pytest.raises(altertable_dbapi.InterfaceError, match="closed"):
        _ = connection.catalog
