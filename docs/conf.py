"""Settings of the documentation site: `make docs` builds it into build/docs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "asc"
author = copyright = "The asc authors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "asc_reference"]
exclude_patterns = ["_ext", "snippets", "generated/laws.md", "**/.ipynb_checkpoints"]  # the laws are part of a page

# Markdown: links to headings are checked like links to pages, quotes and dashes stay as they are typed.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
smartquotes = False
highlight_language = "text"  # of indented blocks, which are commands; Python is fenced and says so

# Notebooks are kept without outputs. They are run for the site, again only where their code has changed.
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300

# Docstrings: single backticks are code, annotations are shown once.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "asc"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False

# `make linkcheck`: documents behind a DOI answer robots with a refusal.
linkcheck_ignore = [r"https://doi\.org/.*"]
linkcheck_timeout = 20
