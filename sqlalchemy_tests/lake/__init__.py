"""SQLAlchemy on a lake."""
