"""docs/airflow.md's commands and its DAG, run from its text."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import BIN, DAGS, ROOT, free_port
from .test_dag import dag


def blocks(language: str) -> list[str]:
    """The page's code in one language."""
    page = (ROOT / "docs" / "airflow.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def test_the_dag(
    database: None, connect: Callable[..., None], auto: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    connect()
    (code,) = blocks("python airflow")
    file = DAGS / "from_page.py"
    file.write_text(code.replace("\ndaily_trips()\n", "\nfound = daily_trips()\n"))
    try:
        assert dag(file, "found").test().state == "success"
    finally:
        file.unlink()
    expected = [("Lyon", 50, 10)]
    assert auto.execute("SELECT city, count(*), min(minutes) FROM trips GROUP BY 1").fetchall() == (
        expected
    )
    assert "shape: (2, 2)" in capfd.readouterr().out


def test_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    from altertable_dbapi.airflow import AltertableHook

    (line,) = re.findall(
        r"^export AIRFLOW_CONN_ALTERTABLE_DEFAULT='(\{.*\})'$", blocks("bash")[1], re.M
    )
    monkeypatch.setenv("AIRFLOW_CONN_ALTERTABLE_DEFAULT", line)
    uri = "altertable://%E2%80%A6:%E2%80%A6@flight.altertable.ai:443/sales"
    assert AltertableHook().get_uri() == uri


def test_the_first_commands(tmp_path: Path) -> None:
    install, *commands = blocks("bash")[0].splitlines()
    # This environment is what the first line makes.
    assert "pip install -q '.[airflow,local,pandas,polars]'" in install
    script = "\n".join(["set -e", "trap 'kill $!' EXIT", *commands])
    script = script.replace("31337", str(free_port())).replace(
        "AIRFLOW_HOME=$PWD/.airflow/home", f"AIRFLOW_HOME={tmp_path}"
    )
    environ = {name: value for name, value in os.environ.items() if "AIRFLOW" not in name}
    result = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    # The table that the last command prints, after what Airflow logs.
    lines = [line.replace("│", " ").split() for line in result.stdout.splitlines()]
    table = lines[len(lines) - lines[::-1].index(["carrier", "flights", "minutes"]) :]
    assert {"B6", "DL"} <= {line[0] for line in table if line}


@pytest.mark.parametrize("df_type", ["pandas", "polars"])
@pytest.mark.parametrize("chunksize", [None, 10])
def test_a_frame_without_its_package_names_the_extra(
    connect: Callable[..., None],
    df_type: str,
    chunksize: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from altertable_dbapi import InterfaceError
    from altertable_dbapi.airflow import AltertableHook

    connect()
    monkeypatch.setitem(sys.modules, df_type, None)
    hook = AltertableHook()

    def read() -> None:
        if chunksize is None:
            hook.get_df("SELECT 1", df_type=df_type)
        else:
            list(hook.get_df_by_chunks("SELECT 1", chunksize=chunksize, df_type=df_type))

    with pytest.raises(InterfaceError, match=rf'pip install "altertable-dbapi\[{df_type}\]"'):
        read()
