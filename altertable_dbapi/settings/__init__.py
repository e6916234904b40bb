"""Settings of a connection, time limits of its statements."""
