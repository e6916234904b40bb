"""Airflow's own operators on the hook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException
from airflow.providers.common.sql.operators.generic_transfer import GenericTransfer
from airflow.providers.common.sql.operators.sql import (
    BranchSQLOperator,
    SQLBulkLoadOperator,
    SQLCheckOperator,
    SQLColumnCheckOperator,
    SQLExecuteQueryOperator,
    SQLInsertRowsOperator,
    SQLIntervalCheckOperator,
    SQLTableCheckOperator,
    SQLThresholdCheckOperator,
    SQLValueCheckOperator,
)
from airflow.providers.common.sql.sensors.sql import SqlSensor

CONN = "altertable_default"


@pytest.fixture(autouse=True)
def shop(connect: Callable[..., None], auto: Any) -> Any:
    """A table of three orders."""
    connect()
    auto.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, city VARCHAR, amount DECIMAL(9, 2))")
    auto.execute("INSERT INTO orders VALUES (1, 'Lyon', 10), (2, 'Paris', 20), (3, 'Lyon', 30.5)")
    return auto


def test_execute_query() -> None:
    operator = SQLExecuteQueryOperator(
        task_id="t",
        conn_id=CONN,
        sql="SELECT id FROM orders WHERE city = $city AND amount > $least ORDER BY id",
        parameters={"city": "Lyon", "least": 5},
    )
    assert operator.execute({}) == [(1,), (3,)]


def test_execute_query_of_several_statements_is_one_transaction(shop: Any) -> None:
    operator = SQLExecuteQueryOperator(
        task_id="t",
        conn_id=CONN,
        sql="""
            UPDATE orders SET amount = amount * $factor; -- a ';' in a comment
            INSERT INTO orders VALUES (4, $city, 1), (5, 'a;b', 2);
            SELECT count(*) FROM orders WHERE city IN ($city, 'a;b');
        """,
        parameters={"factor": 2, "city": "Nice"},
    )
    assert operator.execute({}) == [(2,)]
    assert shop.execute("SELECT sum(amount)::INTEGER FROM orders").fetchall() == [(124,)]

    wrong = SQLExecuteQueryOperator(
        task_id="t", conn_id=CONN, sql="DELETE FROM orders; SELECT * FROM missing"
    )
    with pytest.raises(Exception, match="missing"):
        wrong.execute({})
    assert shop.execute("SELECT count(*) FROM orders").fetchall() == [(5,)]


def test_execute_query_gives_nothing_for_a_statement_without_rows() -> None:
    operator = SQLExecuteQueryOperator(task_id="t", conn_id=CONN, sql="DELETE FROM orders")
    assert operator.execute({}) is None


def test_execute_query_in_a_list_gives_a_list() -> None:
    operator = SQLExecuteQueryOperator(
        task_id="t", conn_id=CONN, sql=["SELECT 1", "SELECT $a"], parameters={"a": "x"}
    )
    assert operator.execute({}) == [[(1,)], [("x",)]]


def test_execute_query_with_a_schema_and_hook_parameters(connect: Callable[..., None]) -> None:
    operator = SQLExecuteQueryOperator(
        task_id="t",
        conn_id=CONN,
        sql="SELECT current_catalog(), current_schema()",
        database="main",
        hook_params={"catalog": "sales"},
    )
    assert operator.execute({}) == [("sales", "main")]


def test_table_check() -> None:
    checks = {
        "rows": {"check_statement": "count(*) = 3"},
        "cities": {"check_statement": "city IN ('Lyon', 'Paris')"},
    }
    SQLTableCheckOperator(task_id="t", conn_id=CONN, table="orders", checks=checks).execute({})
    failing = {"rows": {"check_statement": "count(*) = 4"}}
    with pytest.raises(AirflowException, match="rows"):
        SQLTableCheckOperator(task_id="t", conn_id=CONN, table="orders", checks=failing).execute({})


def test_column_check() -> None:
    operator = SQLColumnCheckOperator(
        task_id="t",
        conn_id=CONN,
        table="orders",
        column_mapping={
            "amount": {"min": {"geq_to": 10}, "max": {"leq_to": 31}, "null_check": {"equal_to": 0}},
            "id": {"unique_check": {"equal_to": 0}, "distinct_check": {"equal_to": 3}},
        },
    )
    operator.execute({})
    assert operator.column_mapping["amount"]["min"]["success"] is True
    failing = SQLColumnCheckOperator(
        task_id="t",
        conn_id=CONN,
        table="orders",
        column_mapping={"amount": {"min": {"greater_than": 10}}},
    )
    with pytest.raises(AirflowException, match="Check: min"):
        failing.execute({})


def test_value_check() -> None:
    total = "SELECT sum(amount) FROM orders WHERE city = 'Lyon'"
    SQLValueCheckOperator(
        task_id="t", conn_id=CONN, sql=total, pass_value=40, tolerance=0.02
    ).execute({})
    with pytest.raises(AirflowException, match="Test failed"):
        SQLValueCheckOperator(task_id="t", conn_id=CONN, sql=total, pass_value=41).execute({})


def test_check_with_parameters() -> None:
    SQLCheckOperator(
        task_id="t",
        conn_id=CONN,
        sql="SELECT count(*) FROM orders WHERE city = $city",
        parameters={"city": "Paris"},
    ).execute({})


def test_threshold_check() -> None:
    SQLThresholdCheckOperator(
        task_id="t",
        conn_id=CONN,
        sql="SELECT max(amount)::DOUBLE FROM orders",
        min_threshold=30,
        max_threshold="SELECT 31",
    ).execute({})


def test_interval_check(shop: Any) -> None:
    shop.execute("CREATE TABLE days AS SELECT DATE '2026-01-08' AS ds, 100 AS n")
    shop.execute("INSERT INTO days VALUES (DATE '2026-01-01', 90)")
    operator = SQLIntervalCheckOperator(
        task_id="t", conn_id=CONN, table="days", metrics_thresholds={"sum(n)": 1.5}, days_back=-7
    )
    # Its dates are templates, which Airflow fills in.
    operator.sql1 = operator.sql1.replace("{{ ds }}", "2026-01-08")
    operator.sql2 = operator.sql2.replace("{{ macros.ds_add(ds, -7) }}", "2026-01-01")
    operator.execute({})


def test_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    operator = BranchSQLOperator(
        task_id="t",
        conn_id=CONN,
        sql="SELECT count(*) > $least FROM orders",
        parameters={"least": 2},
        follow_task_ids_if_true=["yes"],
        follow_task_ids_if_false=["no"],
    )
    branches: list[Any] = []
    monkeypatch.setattr(operator, "skip_all_except", lambda ti, branch: branches.append(branch))
    operator.execute({"ti": None})
    assert branches == [["yes"]]


def test_sensor() -> None:
    sensor = SqlSensor(
        task_id="t",
        conn_id=CONN,
        sql="SELECT count(*) FROM orders WHERE city = $city",
        parameters={"city": "Lyon"},
        success=lambda count: count == 2,
    )
    assert sensor.poke({}) is True
    empty = SqlSensor(task_id="t", conn_id=CONN, sql="SELECT id FROM orders WHERE id > 3")
    assert empty.poke({}) is False


def test_insert_rows(shop: Any) -> None:
    operator = SQLInsertRowsOperator(
        task_id="t",
        conn_id=CONN,
        table_name="orders",
        rows=[(4, "Nice", "7.25"), (5, None, None)],
        preoperator="DELETE FROM orders WHERE id = 1",
        postoperator=["UPDATE orders SET city = 'Brest' WHERE city IS NULL"],
    )
    operator.execute({})
    assert operator.columns == ["id", "city", "amount"]
    rows = shop.execute("SELECT id, city, amount::VARCHAR FROM orders ORDER BY id").fetchall()
    assert rows == [
        (2, "Paris", "20.00"),
        (3, "Lyon", "30.50"),
        (4, "Nice", "7.25"),
        (5, "Brest", None),
    ]


def test_insert_rows_replacing(shop: Any) -> None:
    SQLInsertRowsOperator(
        task_id="t",
        conn_id=CONN,
        table_name="orders",
        columns=["id", "city"],
        rows=[(1, "Lille"), (9, "Nantes")],
        insert_args={"replace": True},
    ).execute({})
    rows = shop.execute("SELECT id, city, amount::DOUBLE FROM orders ORDER BY id").fetchall()
    assert rows == [(1, "Lille", 10), (2, "Paris", 20), (3, "Lyon", 30.5), (9, "Nantes", None)]


def test_generic_transfer(connect: Callable[..., None], shop: Any) -> None:
    connect("elsewhere", extra={"tls": False, "catalog": "sales"})
    GenericTransfer(
        task_id="t",
        sql="SELECT *, INTERVAL 1 MONTH, TIME '12:30' FROM orders WHERE id < 3 ORDER BY id",
        preoperator="CREATE TABLE copies (id INTEGER, city VARCHAR, amount DECIMAL(9, 2), "
        "every INTERVAL, moment TIME)",
        source_conn_id=CONN,
        destination_conn_id="elsewhere",
        destination_table="copies",
    ).execute({})
    query = "SELECT COLUMNS(*)::VARCHAR FROM sales.main.copies ORDER BY id"
    assert shop.execute(query).fetchall() == [
        ("1", "Lyon", "10.00", "1 month", "12:30:00"),
        ("2", "Paris", "20.00", "1 month", "12:30:00"),
    ]


def test_generic_transfer_in_pages(shop: Any) -> None:
    shop.execute("CREATE TABLE copies AS FROM orders LIMIT 0")
    GenericTransfer(
        task_id="t",
        sql="SELECT * FROM orders ORDER BY id",
        source_conn_id=CONN,
        destination_conn_id=CONN,
        destination_table="copies",
        page_size=2,
    ).execute({})
    assert shop.execute("SELECT list(id ORDER BY id) FROM copies").fetchall() == [([1, 2, 3],)]


def test_bulk_load(shop: Any, tmp_path: Any) -> None:
    file = tmp_path / "orders.tsv"
    file.write_text('7\tMetz\t1.5\n8\t"a\tb"\t\\N\n')
    SQLBulkLoadOperator(
        task_id="t",
        conn_id=CONN,
        table="orders",
        tmp_file=str(file),
        preoperator="DELETE FROM orders",
    ).execute({})
    rows = shop.execute("SELECT id, city, amount::DOUBLE FROM orders ORDER BY id").fetchall()
    assert rows == [(7, "Metz", 1.5), (8, "a\tb", None)]
