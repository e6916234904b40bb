"""``python -m altertable_dbapi``: run a statement and print its result."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
