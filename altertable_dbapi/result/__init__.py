"""One statement's stream of record batches, and the ways to read it."""
