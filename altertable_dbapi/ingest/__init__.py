"""Bulk load: Arrow data into a table, with or without upsert."""
