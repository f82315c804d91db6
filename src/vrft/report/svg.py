"""A few lines of SVG: elements whose text and attributes are always escaped."""

from __future__ import annotations

from markupsafe import Markup, escape

Attribute = str | float | int | None


def tag(name: str, *children: Markup | str, **attributes: Attribute) -> Markup:
    """One element.

    Args:
        name: the element's name.
        children: what stands inside; a plain string is escaped.
        attributes: ``_`` becomes ``-`` and a trailing ``_`` is dropped (``class_``); None leaves one out;
            floats are written with at most two decimals.

    Example:
        >>> print(tag("text", "a < b", x=1.5, class_="axis"))
        <text x="1.5" class="axis">a &lt; b</text>
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_write(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(escape(child) for child in children)
    return Markup(f"<{name}{written}>{inside}</{name}>")


def group(*children: Markup | str, **attributes: Attribute) -> Markup:
    """Elements held together."""
    return tag("g", *children, **attributes)


def join(parts: list[Markup]) -> Markup:
    """Elements one after the other."""
    return Markup("").join(parts)


def _write(value: str | float | int) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
