"""SQLAlchemy: its own suite for dialects (`suite`), and tests of what that does not know."""
