"""``python -m altertable_dbapi``: run a statement and print its result."""

import sys

from .command_line import main

if __name__ == "__main__":
    sys.exit(main())
