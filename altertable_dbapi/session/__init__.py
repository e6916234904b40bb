"""The session of a connection: its handles, transaction, state and end."""
