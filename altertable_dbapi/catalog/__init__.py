"""Introspection: catalogs, schemas, tables, columns, constraints."""
