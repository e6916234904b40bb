"""A deployment of Airflow: its own processes, the LocalExecutor, and tasks that it forks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import altertable_dbapi

from .conftest import BIN, PASSWORD, ROOT, free_port

SECONDS = 600

#: Imports the hook at its top, as a DAG file may; tells secrets; forks after it has connected.
FORKING = """
import os

from airflow.sdk import dag, task

from altertable_dbapi.airflow import AltertableHook


@dag(schedule=None, catchup=False)
def forking():
    @task
    def fork():
        hook = AltertableHook()
        print("the URI is", hook.get_uri(), "and the password", hook.connection.password)
        with hook.get_conn() as conn:
            assert conn.execute("SELECT 42").fetchone() == (42,)
            reader, writer = os.pipe()
            child = os.fork()
            if not child:
                try:
                    conn.execute("SELECT 43")
                except Exception as error:
                    os.write(writer, f"{type(error).__name__}: {error}".encode())
                os._exit(0)
            os.waitpid(child, 0)
            said = os.read(reader, 1000).decode()
            conn.execute("CREATE TABLE said AS SELECT $said AS said", {"said": said})

    fork()


forking()
"""


class Deployment:
    """Airflow's API server, scheduler and DAG processor, on SQLite, in a home of their own."""

    def __init__(self, home: Path, dags: Path, conn: str) -> None:
        port = free_port()
        self.home = home
        self._url = f"http://127.0.0.1:{port}"
        self._deadline = time.monotonic() + SECONDS
        self._environ = {
            **{name: value for name, value in os.environ.items() if "AIRFLOW" not in name},
            "AIRFLOW_HOME": str(home),
            "AIRFLOW_CONN_ALTERTABLE_DEFAULT": conn,
            "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the processes of this test, long enough",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self._url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        }
        self._processes = {
            "api-server": ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
            "scheduler": ["--skip-serve-logs"],
            "dag-processor": [],
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        self.home.mkdir()
        subprocess.run(
            [BIN / "airflow", "db", "migrate"],
            env=self._environ,
            check=True,
            capture_output=True,
            timeout=120,
        )
        with contextlib.ExitStack() as stack:
            for name, options in self._processes.items():
                out = stack.enter_context((self.home / f"{name}.out").open("wb"))
                process = subprocess.Popen(
                    [BIN / "airflow", name, *options],
                    env=self._environ,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                stack.callback(self._stop, process)
            yield

    @staticmethod
    def _stop(process: subprocess.Popen[bytes]) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)

    def _call(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        request = urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)

    def until(self, what: str, ask: Callable[[], Any]) -> Any:
        """What `ask` gives once it is true, asked four times a second until the deadline."""
        while time.monotonic() < self._deadline:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                if answer := ask():
                    return answer
            time.sleep(0.25)
        logs = "".join(path.read_text(errors="replace")[-3000:] for path in self.home.glob("*.out"))
        pytest.fail(f"no {what} within {SECONDS} s\n{logs}\n{self.task_logs()[-6000:]}")

    def run(self, *dag_ids: str) -> dict[str, str]:
        """Run DAGs, and give the final state of each."""
        token = self.until("API server", lambda: self._call("GET", "/auth/token")["access_token"])
        call = partial(self._call, token=token)
        runs = {}
        for dag_id in dag_ids:
            path = f"/api/v2/dags/{dag_id}"
            self.until(f"DAG {dag_id}", partial(call, "GET", path))
            begun = call("POST", f"{path}/dagRuns", {"logical_date": None})
            runs[dag_id] = f"{path}/dagRuns/{begun['dag_run_id']}"

        def ended(path: str) -> str | None:
            state = str(call("GET", path)["state"])
            return state if state in ("success", "failed") else None

        return {
            dag_id: self.until(f"end of {dag_id}", partial(ended, path))
            for dag_id, path in runs.items()
        }

    def task_logs(self, of: str = "**") -> str:
        """What the tasks logged."""
        found = sorted((self.home / "logs").glob(f"dag_id=*/{of}/*.log"))
        return "\n".join(path.read_text(errors="replace") for path in found)


@pytest.fixture
def remote() -> Iterator[str]:
    """The URI of a server in a process of its own."""
    command = [sys.executable, "-m", "altertable_dbapi.local", "--port", "0"]
    with subprocess.Popen(
        command,
        env={**os.environ, "ALTERTABLE_LOCAL_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        uri = process.stdout.readline().strip()
        yield uri.replace("***", PASSWORD)
        process.terminate()


def test_a_process_that_imported_the_hook_may_fork(remote: str) -> None:
    program = f"""
import os
from altertable_dbapi.airflow import AltertableHook
assert "libadbc_driver_flightsql" not in open("/proc/self/maps").read()
os.environ["AIRFLOW_CONN_ALTERTABLE_DEFAULT"] = {remote!r}
for _ in range(2):
    child = os.fork()
    if not child:
        print(AltertableHook().get_first("SELECT 42"), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert [line for line in result.stdout.splitlines() if line.startswith("(")] == ["(42,)"] * 2


@pytest.mark.timeout(900)
def test_local_executor(remote: str, tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "examples").symlink_to(ROOT / "examples" / "airflow")
    (dags / "forking.py").write_text(FORKING)
    deployment = Deployment(tmp_path / "home", dags, remote)
    with deployment.running():
        states = deployment.run("altertable_flights", "forking")
        assert states == {"altertable_flights": "success", "forking": "success"}, (
            deployment.task_logs()
        )
        # Before the processes stop, which is when logs could be lost.
        told = deployment.task_logs("*/task_id=fork")

    with altertable_dbapi.connect(remote) as conn:
        assert conn.execute("SELECT count(*) FROM flights").fetchone() == (51_955,)
        assert conn.execute("SELECT sum(flights)::BIGINT > 6000 FROM delays").fetchone() == (True,)
        ((said,),) = conn.execute("FROM said").fetchall()
    assert said.startswith("InterfaceError: ")
    assert "fork" in said

    assert "the URI is altertable://local:***@127.0.0.1" in told
    assert "and the password ***" in told
    assert PASSWORD not in deployment.task_logs()
