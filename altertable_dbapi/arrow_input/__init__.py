"""Whatever may be loaded or bound, as record batches. Pure."""
