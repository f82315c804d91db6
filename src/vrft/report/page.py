"""Rendering and writing one page: one HTML file, whole or not at all."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vrft.errors import RunError
from vrft.report.charts import line_swatch


def write_page(out: Path, **content: Any) -> Path:
    """Render the template and write the page.

    Args:
        out: the file to write, or an existing folder for a ``report.html`` in it; an older page is replaced
            only when the new one is whole.
        content: what the template names.

    Returns:
        The page's path.

    Raises:
        RunError: the page cannot be written.
    """
    page = _render(version=_version(), **content)
    target = out / "report.html" if out.is_dir() else out
    fresh = target.with_name(target.name + ".new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(page, encoding="utf-8")
        os.replace(fresh, target)
    except OSError as error:
        raise RunError(f"{target}: the page cannot be written ({error}). Choose another place.") from error
    return target


def _render(**content: Any) -> str:
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The templates of parts see it as well.
    environment.globals["swatch"] = line_swatch
    style = Markup((here / "style.css").read_text(encoding="utf-8"))
    return environment.get_template("template.html").render(style=style, **content).lstrip()


def _version() -> str:
    try:
        return version("vrft")
    except PackageNotFoundError:
        return ""
