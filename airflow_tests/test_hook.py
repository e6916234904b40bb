"""The hook: connecting, statements, frames, loads, XCom."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import polars
import polars.testing
import pyarrow as pa
import pytest
from airflow.providers.common.sql.hooks.sql import fetch_all_handler
from airflow.sdk.serde import deserialize, serialize

import altertable_dbapi
from altertable_dbapi import Interval
from altertable_dbapi.airflow import AltertableHook
from altertable_dbapi.local import Server


def test_first(hook: AltertableHook) -> None:
    assert hook.get_first("SELECT 42, $a", {"a": "x"}) == (42, "x")
