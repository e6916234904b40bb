"""One statement for many sets of parameters."""
