"""Makes Altertable known under the module name that ADBC's users look for.

polars finds a driver for ``altertable://…`` URIs, and its Arrow path for a connection, by module
names that begin with ``adbc_``. Everything here is `altertable_dbapi`. There is no
``__version__``: polars would compare one with ADBC's own and refuse a small number.
"""

from altertable_dbapi import connect

__all__ = ["connect"]
