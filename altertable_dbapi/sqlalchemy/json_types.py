"""JSON and its paths as SQLAlchemy's types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import types as sqltypes
from sqlalchemy.engine import Dialect

Processor = Callable[[Any], Any]


class JSON(sqltypes.JSON):
    """JSON is text on the wire."""


def json_path(keys: Any) -> str:
    """A JSON path of keys (text) and places (int)."""
    return "$" + "".join(map(_json_step, keys))


def _json_step(key: Any) -> str:
    if isinstance(key, int):
        return f"[{key}]" if key >= 0 else f"[#{key}]"
    return '."' + str(key).replace("\\", "\\\\").replace('"', '\\"') + '"'


class _JSONPart(sqltypes.TypeEngine[Any]):
    """What stands right of a JSON column's index, as a path."""

    def keys(self, value: Any) -> Any:
        raise NotImplementedError

    def bind_processor(self, dialect: Dialect) -> Processor | None:
        def process(value: Any) -> str:
            return json_path(self.keys(value))

        return process

    def literal_processor(self, dialect: Dialect) -> Processor | None:
        def process(value: Any) -> str:
            return "'" + json_path(self.keys(value)).replace("'", "''") + "'"

        return process


class JSONIndex(_JSONPart, sqltypes.JSON.JSONIndexType):
    def keys(self, value: Any) -> Any:
        return [value]


class JSONPath(_JSONPart, sqltypes.JSON.JSONPathType):
    def keys(self, value: Any) -> Any:
        return value
