"""`altertable_dbapi` under the name that ADBC's users look for."""

from altertable_dbapi import *  # noqa: F403
from altertable_dbapi import __all__ as __all__
