"""The protobuf messages of Flight SQL that the server reads and writes, built at run time.

The table below is the wire format, in the notation of a ``.proto`` file with enumerations as plain
integers. The messages live in a descriptor pool of their own, so that generated modules for the
same messages (Altertable's own client ships some) can be imported into the same process.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

Message: TypeAlias = Any
"""A protobuf message: its class is built at run time, so its fields are not known to a checker."""

_TYPE_URL = "type.googleapis.com/"

_FLIGHT = """
message StringListValue { repeated string values = 1; }
message SessionOptionValue {
  oneof string string_value = 1; oneof bool bool_value = 2; oneof sfixed64 int64_value = 3;
  oneof double double_value = 4; oneof StringListValue string_list_value = 5;
}
message SetSessionOptionsRequest { map SessionOptionValue session_options = 1; }
message SessionOptionError { int32 value = 1; }
message SetSessionOptionsResult { map SessionOptionError errors = 1; }
message GetSessionOptionsRequest { }
message GetSessionOptionsResult { map SessionOptionValue session_options = 1; }
message CloseSessionRequest { }
message CloseSessionResult { int32 status = 1; }
"""

_SQL = """
message CommandGetSqlInfo { repeated uint32 info = 1; }
message CommandGetXdbcTypeInfo { optional int32 data_type = 1; }
message CommandGetCatalogs { }
message CommandGetDbSchemas {
  optional string catalog = 1; optional string db_schema_filter_pattern = 2;
}
message CommandGetTables {
  optional string catalog = 1; optional string db_schema_filter_pattern = 2;
  optional string table_name_filter_pattern = 3; repeated string table_types = 4;
  bool include_schema = 5;
}
message CommandGetTableTypes { }
message CommandGetPrimaryKeys {
  optional string catalog = 1; optional string db_schema = 2; string table = 3;
}
message CommandGetExportedKeys {
  optional string catalog = 1; optional string db_schema = 2; string table = 3;
}
message CommandGetImportedKeys {
  optional string catalog = 1; optional string db_schema = 2; string table = 3;
}
message CommandGetCrossReference {
  optional string pk_catalog = 1; optional string pk_db_schema = 2; string pk_table = 3;
  optional string fk_catalog = 4; optional string fk_db_schema = 5; string fk_table = 6;
}
message ActionCreatePreparedStatementRequest {
  string query = 1; optional bytes transaction_id = 2;
}
message ActionCreatePreparedStatementResult {
  bytes prepared_statement_handle = 1; bytes dataset_schema = 2; bytes parameter_schema = 3;
}
message ActionClosePreparedStatementRequest { bytes prepared_statement_handle = 1; }
message ActionBeginTransactionRequest { }
message ActionBeginTransactionResult { bytes transaction_id = 1; }
message ActionEndTransactionRequest { bytes transaction_id = 1; int32 action = 2; }
message ActionCancelQueryRequest { bytes info = 1; }
message ActionCancelQueryResult { int32 result = 1; }
message CommandStatementQuery { string query = 1; optional bytes transaction_id = 2; }
message TicketStatementQuery { bytes statement_handle = 1; }
message CommandPreparedStatementQuery { bytes prepared_statement_handle = 1; }
message CommandStatementUpdate { string query = 1; optional bytes transaction_id = 2; }
message CommandPreparedStatementUpdate { bytes prepared_statement_handle = 1; }
message TableDefinitionOptions { int32 if_not_exist = 1; int32 if_exists = 2; }
message CommandStatementIngest {
  TableDefinitionOptions table_definition_options = 1; string table = 2;
  optional string schema = 3; optional string catalog = 4; bool temporary = 5;
  optional bytes transaction_id = 6; map string options = 1000;
}
message DoPutUpdateResult { int64 record_count = 1; }
message DoPutPreparedStatementResult { optional bytes prepared_statement_handle = 1; }
"""

_FIELD = re.compile(r"(?:(optional|repeated|oneof|map) )?(\w+) (\w+) = (\d+);")
_MESSAGE = re.compile(r"message (\w+) \{(.*?)\}", re.DOTALL)

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in ("string", "bytes", "bool", "int32", "int64", "uint32", "sfixed64", "double")
}


def _set_type(field: Any, kind: str, package: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"


def _add_field(message: Any, label: str, kind: str, name: str, number: int, package: str) -> None:
    field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if label == "map":
        # A map is a repeated entry message with a key and a value (protobuf language guide).
        entry = message.nested_type.add(name=name.title().replace("_", "") + "Entry")
        entry.options.map_entry = True
        _add_field(entry, "", "string", "key", 1, package)
        _add_field(entry, "", kind, "value", 2, package)
        field.label = _Field.LABEL_REPEATED
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{package}.{message.name}.{entry.name}"
        return
    _set_type(field, kind, package)
    if label == "repeated":
        field.label = _Field.LABEL_REPEATED
    elif label == "oneof":
        if not message.oneof_decl:
            message.oneof_decl.add(name="option_value")
        field.oneof_index = 0
    elif label == "optional":
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")


def _build(pool: Any, package: str, table: str) -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"altertable_dbapi/local/{package}.proto", package=package, syntax="proto3"
    )
    for name, body in _MESSAGE.findall(table):
        message = file.message_type.add(name=name)
        for label, kind, field, number in _FIELD.findall(body):
            _add_field(message, label, kind, field, int(number), package)
    pool.Add(file)
    return {
        message.name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{package}.{message.name}")
        )
        for message in file.message_type
    }


_pool = descriptor_pool.DescriptorPool()
_flight = _build(_pool, "arrow.flight.protocol", _FLIGHT)
_sql = _build(_pool, "arrow.flight.protocol.sql", _SQL)
_any = _build(_pool, "google.protobuf", "message Any { string type_url = 1; bytes value = 2; }")[
    "Any"
]


def new(name: str, **fields: Any) -> Message:
    """Make the message called `name`, of either package."""
    return (_sql.get(name) or _flight[name])(**fields)


def parse(name: str, data: bytes) -> Message:
    """Read a message that is not wrapped in ``Any`` (the session actions).

    Raises
    ------
    ValueError
        `data` is not such a message.
    """
    try:
        return (_sql.get(name) or _flight[name]).FromString(data)
    except DecodeError as error:
        raise ValueError(f"not a {name}") from error


def pack(message: Message) -> bytes:
    """Wrap a Flight SQL message in ``google.protobuf.Any``, the form of commands and actions."""
    url = _TYPE_URL + message.DESCRIPTOR.full_name
    packed: bytes = _any(type_url=url, value=message.SerializeToString()).SerializeToString()
    return packed


def unpack(data: bytes) -> tuple[str, Message]:
    """Read an ``Any`` that holds a Flight SQL message.

    Returns
    -------
    tuple
        The message's name without its package, and the message.

    Raises
    ------
    ValueError
        `data` is not such a message.
    """
    try:
        wrapped = _any.FromString(data)
        name = wrapped.type_url.rpartition(".")[2]
        return name, _sql[name].FromString(wrapped.value)
    except (KeyError, DecodeError) as error:
        raise ValueError("not a Flight SQL command that this server knows") from error
