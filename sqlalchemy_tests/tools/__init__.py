"""Tools that take an engine, each installed as its users install it."""
