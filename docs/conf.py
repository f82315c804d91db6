"""How Sphinx builds the documentation: ``make docs``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "dev")]

import vrft  # noqa: E402

project = "vrft"
author = "The vrft developers"
version = release = vrft.__version__
copyright = "the vrft developers, Apache-2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docs_site.sphinx_hooks"]
exclude_patterns = ["_build"]
nitpicky = True
smartquotes = False

myst_enable_extensions = ["attrs_inline", "deflist"]
myst_heading_anchors = 3
myst_all_links_external = False

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"exclude-members": "model_config"}
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 90
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"vrft {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": False}
pygments_style = "default"
