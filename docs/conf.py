"""Sphinx's settings for this documentation: ``sphinx-build -W docs build/docs``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import altertable_dbapi

project = "altertable-dbapi"
author = "the maintainers of altertable-dbapi"
release = version = altertable_dbapi.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"altertable-dbapi {release}"

# Titles are what other pages link to.
myst_heading_anchors = 3

# Airflow is large, and an environment of its own; its classes are stood in for.
autodoc_mock_imports = ["airflow"]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
