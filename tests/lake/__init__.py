"""What holds on a lake, Altertable's own kind of catalog; run by itself, with the extra `lake`."""
