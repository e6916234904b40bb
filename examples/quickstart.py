"""Load a data file into a server in this process and ask it a question, over a real socket.

The file is `data/flights.parquet`: flights that left New York City's airports in January and
February 2013 (see `data/README.md`). Run it with::

    pip install "altertable-dbapi[local]"
    python examples/quickstart.py
"""

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
    with Server() as server, server.connect(autocommit=True) as conn, conn.cursor() as cursor:
        loaded = cursor.adbc_ingest("flights", pq.read_table(FLIGHTS), mode="create")
        print(f"loaded {loaded:,} flights into {conn!r}")

        cursor.execute(QUESTION, {"origin": "JFK", "since": altertable_dbapi.Date(2013, 2, 1)})
        print(" | ".join(column.name for column in cursor.description))
        for row in cursor:
            print(" | ".join(map(str, row)))


if __name__ == "__main__":
    main()
