"""An Airflow DAG: load a data file, transform it in one transaction, check it, report.

It uses the connection ``altertable_default``. The file is the flights that left New York City's
airports in January and February 2013 (see `../data/README.md`).
"""

from pathlib import Path

from airflow.providers.common.sql.operators.sql import (
    SQLColumnCheckOperator,
    SQLExecuteQueryOperator,
    SQLTableCheckOperator,
)
from airflow.sdk import dag, task

from altertable_dbapi.airflow import AltertableHook

FLIGHTS = Path(__file__).resolve().parents[1] / "data" / "flights.parquet"
CONNECTION = "altertable_default"


@dag(schedule=None, catchup=False, tags=["altertable"])
def altertable_flights() -> None:
    @task
    def load() -> int:
        return AltertableHook(CONNECTION).load_file("flights", FLIGHTS, mode="replace")

    # All statements are one transaction: nobody sees the table empty, and an error changes nothing.
    delays = SQLExecuteQueryOperator(
        task_id="delays",
        conn_id=CONNECTION,
        sql="""
            CREATE TABLE IF NOT EXISTS delays (carrier VARCHAR, flights BIGINT, minutes DOUBLE);
            DELETE FROM delays;
            INSERT INTO delays
            SELECT carrier, count(*), avg(dep_delay) FROM flights
            WHERE origin = $origin AND date >= $since
            GROUP BY carrier
            HAVING count(*) >= $least;
            SELECT count(*), sum(flights)::BIGINT FROM delays;
        """,
        parameters={"origin": "JFK", "since": "2013-02-01", "least": 100},
    )

    rows = SQLTableCheckOperator(
        task_id="check_table",
        conn_id=CONNECTION,
        table="delays",
        checks={"carriers": {"check_statement": "count(DISTINCT carrier) = count(*)"}},
    )

    columns = SQLColumnCheckOperator(
        task_id="check_columns",
        conn_id=CONNECTION,
        table="delays",
        column_mapping={
            "flights": {"min": {"geq_to": 100}, "null_check": {"equal_to": 0}},
            "minutes": {"max": {"less_than": 60}},
        },
    )

    @task
    def report(loaded: int) -> list[str]:
        frame = AltertableHook(CONNECTION).get_df(
            "FROM delays WHERE minutes > $minutes ORDER BY minutes DESC", {"minutes": 10}
        )
        late = [f"{row.carrier} {row.minutes:.1f}" for row in frame.itertuples()]
        print(f"{loaded} flights loaded; minutes of delay at JFK in February: {late}")
        return late

    loaded = load()
    loaded >> delays >> [rows, columns] >> report(loaded)


flights = altertable_flights()
