"""A statement and its parameters, sent over a session."""
