"""What Airflow finds of the provider, and what it costs to be found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any

from .conftest import BIN


def airflow(*arguments: str) -> Any:
    """What an ``airflow`` command prints as JSON."""
    command = [str(BIN / "airflow"), *arguments, "--output", "json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "altertable" not in result.stderr.lower(), result.stderr
    return json.loads(result.stdout[result.stdout.index("[") :])


def test_airflow_lists_the_provider() -> None:
    found = [p for p in airflow("providers", "list") if p["package_name"] == "altertable-dbapi"]
    assert [p["description"] for p in found] == ["The Altertable lakehouse, over Arrow Flight SQL"]


def test_airflow_lists_the_hook() -> None:
    found = [h for h in airflow("providers", "hooks") if h["connection_type"] == "altertable"]
    assert found == [
        {
            "connection_type": "altertable",
            "class": "altertable_dbapi.airflow.hook.AltertableHook",
            "conn_id_attribute_name": "altertable_conn_id",
            "package_name": "altertable-dbapi",
            "hook_name": "Altertable",
        }
    ]


def test_the_entry_point_imports_next_to_nothing() -> None:
    (found,) = [e for e in entry_points(group="apache_airflow_provider") if "altertable" in e.value]
    program = f"""
import sys
before = set(sys.modules)
from {found.module} import {found.attr}
{found.attr}()
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(sorted(loaded - set(sys.stdlib_module_names)))
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "['altertable_airflow_provider']"


def test_the_connection_form() -> None:
    from airflow.providers_manager import ProvidersManager
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    hook = ProvidersManagerTaskRuntime().hooks["altertable"]
    assert hook is not None and hook.hook_name == "Altertable"
    manager = ProvidersManager()
    widgets, behaviours = manager.connection_form_widgets, manager.field_behaviours
    fields = {
        info.field_name: info.field["schema"]
        for name, info in widgets.items()
        if name.startswith("extra__altertable__")
    }
    assert set(fields) == {
        "binding",
        "catalog",
        "compute_size",
        "connect_timeout",
        "fetch_timeout",
        "query_timeout",
        "tls",
        "tls_root_certs",
        "update_timeout",
    }
    assert fields["tls"] == {"type": "boolean", "default": True, "title": "TLS"}
    form = behaviours["altertable"]
    assert form["placeholders"]["host"] == "flight.altertable.ai"
    assert form["relabeling"] == {"login": "User name"}
    assert form["hidden_fields"] == []


def test_the_form_offers_what_the_driver_takes() -> None:
    import altertable_airflow_provider as provider
    from altertable_dbapi.settings import checks, settings

    fields = provider.CONNECTION_FIELDS
    assert set(fields) <= settings.SETTING_NAMES
    assert tuple(fields["compute_size"]["schema"]["enum"]) == checks.COMPUTE_SIZES
    assert tuple(fields["binding"]["schema"]["enum"]) == checks.BINDINGS
    assert provider.PLACEHOLDERS["host"] == settings.SETTINGS["host"].default
    assert provider.PLACEHOLDERS["port"] == str(settings.SETTINGS["port"].default)


def test_the_form_of_older_airflow() -> None:
    from altertable_dbapi.airflow import AltertableHook

    widgets = AltertableHook.get_connection_form_widgets()
    assert {widget.args[0] for widget in widgets.values()} >= {"Catalog", "TLS"}
    assert AltertableHook.get_ui_field_behaviour()["relabeling"] == {"login": "User name"}


def test_without_airflow_the_error_names_the_extra() -> None:
    program = """
import sys
sys.modules["airflow"] = None
try:
    import altertable_dbapi.airflow
except ImportError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ}
    )
    assert 'pip install "altertable-dbapi[airflow]"' in result.stdout, result.stderr
