"""SQLAlchemy's own suite, run on a local server."""
