"""What Airflow is told of this package, in a module that imports nothing.

Every Airflow process calls `get_provider_info`. It stands outside `altertable_dbapi` so that only
the tasks that use the hook import Arrow.
"""

from __future__ import annotations

from typing import Any

CONNECTION_TYPE = "altertable"
HOOK_NAME = "Altertable"

HIDDEN_FIELDS: list[str] = []
RELABELING = {"login": "User name"}
PLACEHOLDERS = {
    "host": "flight.altertable.ai",
    "port": "443",
    "login": "lakehouse user name",
    "password": "lakehouse password",
    "schema": "main",
}

_SECONDS = {"type": ["number", "null"], "exclusiveMinimum": 0}

#: The fields of the connection form that become keys of the connection's extra.
CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "catalog": {
        "label": "Catalog",
        "description": "What names without a catalog refer to; every catalog is visible without",
        "schema": {"type": ["string", "null"]},
    },
    "compute_size": {
        "label": "Compute size",
        "description": "The size of the compute that runs the session's statements",
        "schema": {
            "type": ["string", "null"],
            "enum": ["XS", "S", "M", "L", "XL", "2XL", "3XL", "4XL"],
        },
    },
    "tls": {
        "label": "TLS",
        "description": "Off for a server on the same machine only",
        "schema": {"type": "boolean", "default": True},
    },
    "tls_root_certs": {
        "label": "Trusted certificates",
        "description": "A PEM file on the workers; the system's certificates unless given",
        "schema": {"type": ["string", "null"]},
    },
    "binding": {
        "label": "Binding",
        "description": "Who puts parameters into statements",
        "schema": {"type": ["string", "null"], "enum": ["auto", "server", "client"]},
    },
    "connect_timeout": {
        "label": "Connect timeout",
        "description": "Seconds to open a session in; 15 unless given",
        "schema": _SECONDS,
    },
    "query_timeout": {
        "label": "Query timeout",
        "description": "Seconds that the server may take to answer a statement",
        "schema": _SECONDS,
    },
    "fetch_timeout": {
        "label": "Fetch timeout",
        "description": "Seconds that the server may take to send a result",
        "schema": _SECONDS,
    },
    "update_timeout": {
        "label": "Update timeout",
        "description": "Seconds that the server may take to take bound values or loaded rows",
        "schema": _SECONDS,
    },
}


def get_provider_info() -> dict[str, Any]:
    """Describe the provider, as the entry point ``apache_airflow_provider`` is to."""
    return {
        # Airflow compares it with the distribution's name.
        "package-name": "altertable-dbapi",
        "name": "Altertable",
        "description": "The Altertable lakehouse, over Arrow Flight SQL.",
        "integrations": [
            {
                "integration-name": "Altertable",
                "external-doc-url": "https://altertable.ai/docs",
                "tags": ["service"],
            }
        ],
        "hooks": [
            {
                "integration-name": "Altertable",
                "python-modules": ["altertable_dbapi.airflow.hook"],
            }
        ],
        "connection-types": [
            {
                "connection-type": CONNECTION_TYPE,
                "hook-class-name": "altertable_dbapi.airflow.hook.AltertableHook",
                "hook-name": HOOK_NAME,
                "ui-field-behaviour": {
                    "hidden-fields": HIDDEN_FIELDS,
                    "relabeling": RELABELING,
                    "placeholders": PLACEHOLDERS,
                },
                "conn-fields": CONNECTION_FIELDS,
            }
        ],
        "dialects": [
            {
                "dialect-type": CONNECTION_TYPE,
                "dialect-class-name": "altertable_dbapi.airflow.dialect.AltertableDialect",
            }
        ],
    }
