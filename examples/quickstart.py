"""Load a data file into a server in this process and ask it a question, over a real socket.

The file is `data/flights.parquet`: flights that left New York City's airports in January and
February 2013 (see `data/README.md`). Run it with::

    pip install "altertable-dbapi[local]"
    python examples/quickstart.py

or with DIR for a lake, Altertable's own kind of catalog, whose files are left there::

    pip install "altertable-dbapi[lake]"
    python examples/quickstart.py --lake DIR
"""

import argparse
from pathlib import Path

import pyarrow.parquet as pq

import altertable_dbapi
from altertable_dbapi.local import Server

FLIGHTS = Path(__file__).parent / "data" / "flights.parquet"

QUESTION = """
SELECT carrier, count(*) AS flights, round(avg(dep_delay), 1) AS mean_delay_minutes
FROM flights
WHERE origin = $origin AND date >= $since
GROUP BY carrier
ORDER BY mean_delay_minutes DESC
LIMIT 5
"""


def main() -> None:
    options = argparse.ArgumentParser(description="Load a file and ask a question.")
    options.add_argument("--lake", metavar="DIR", default=False, help="the directory of a lake")
    lake = options.parse_args().lake

    with (
        Server(lake=lake) as server,
        server.connect(autocommit=True) as conn,
        conn.cursor() as cursor,
    ):
        loaded = cursor.adbc_ingest("flights", pq.read_table(FLIGHTS), mode="replace")
        print(f"loaded {loaded:,} flights into {conn!r}")

        cursor.execute(QUESTION, {"origin": "JFK", "since": altertable_dbapi.Date(2013, 2, 1)})
        print(" | ".join(column.name for column in cursor.description))
        for row in cursor:
            print(" | ".join(map(str, row)))


if __name__ == "__main__":
    main()
