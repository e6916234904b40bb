"""Arrow columns as Python values, and rows of them. Pure."""
