"""Settings of the documentation; `make docs` builds it into build/docs."""

import logging
import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]
import mtbkd  # noqa: E402

for chatty in ("arviz", "pytensor", "traitlets"):
    logging.getLogger(chatty).setLevel(logging.WARNING)

project = "mtbkd"
author = "The mtbkd developers"
copyright = f"2026, {author}. MIT licence"
version = release = mtbkd.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "filled",
    "generated",
    "mathml",
]
exclude_patterns = ["conf.py", "_ext", "guide/parts/examples", "**.ipynb_checkpoints"]
nitpick_ignore_regex = [("py:.*", r"(?!mtbkd\.).*"), ("py:class", r"mtbkd\..*")]  # types of other packages and private modules
suppress_warnings = ["config.cache"]
smartquotes_action = "D"  # dashes; quotes stay as they can be copied

# Markdown; headings are targets of links, as on a forge.
myst_enable_extensions = ["amsmath", "attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
html_math_renderer = "mathml"

# Notebooks: Python files in cells, executed once and then read from a cache.
nb_custom_formats = {".py": ["notebooks.read", {}]}
nb_execution_mode = os.environ.get("MTBKD_DOCS_NOTEBOOKS", "cache")
nb_execution_cache_path = str(DOCS.parent / "build" / "notebooks")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "remove"
nb_merge_streams = True

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"mtbkd {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go"
linkcheck_timeout = 20
