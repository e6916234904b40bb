"""The text of a statement: scanned, taken apart, named. Pure: no session, no network."""
