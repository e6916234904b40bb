"""A statement that runs until it is stopped."""

#: Whether a hash is met is not to be told beforehand: of a sum alone, DuckDB knows what it is not.
LONG = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range + b.range) = 0"
