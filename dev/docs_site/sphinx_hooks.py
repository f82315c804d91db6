"""The extension of Sphinx that fills in what pages ask for: ``<!-- generate: config -->`` alone in a line."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.addnodes import desc_annotation, pending_xref
from sphinx.application import Sphinx

from docs_site.api_reference import api_reference
from docs_site.config_reference import config_reference
from docs_site.verb_options import verb_options

GENERATORS: dict[str, Callable[..., str]] = {
    "options": verb_options,
    "config": config_reference,
    "api": api_reference,
}
LONG = 24
"""Characters of code in a line that may be broken."""
PLACEHOLDER = re.compile(r"^<!-- generate: (\w+)(?: (\w+))? -->$", flags=re.M)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("source-read", fill_in)
    app.connect("missing-reference", resolved)
    app.connect("doctree-read", refined)
    app.connect("autodoc-process-signature", without_memory_addresses)
    app.connect("autodoc-process-docstring", keep_sentence, priority=400)
    app.connect("autodoc-process-docstring", restore_sentence, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def fill_in(app: Sphinx, page: str, source: list[str]) -> None:
    """Put what is generated in the place of its mark."""
    source[0] = PLACEHOLDER.sub(lambda mark: GENERATORS[mark[1]](*filter(None, [mark[2]])), source[0])


def refined(app: Sphinx, page: nodes.document) -> None:
    """Let long names alone break, write dashes after arguments, and leave out values nobody reads.

    Sphinx writes two hyphens there; its smart quotes would also change what users are to type.
    """
    for name in page.findall(nodes.literal):
        if len(name.astext()) > LONG:
            name["classes"].append("long")
    for cell in page.findall(nodes.entry):
        if any("long" in name["classes"] for name in cell.findall(nodes.literal)):
            cell["classes"].append("with-long")
    for value in list(page.findall(desc_annotation)):
        if value.astext().startswith(" = mappingproxy"):
            value.parent.remove(value)
    for text in list(page.findall(nodes.Text)):
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" – "))


def without_memory_addresses(
    app: Sphinx, what: str, name: str, found: Any, options: Any, arguments: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write a default that has no text of its own, such as ``<factory>``, as ``...``."""
    return arguments and re.sub(r"<[^<>]*>", "...", arguments), returns


_sentence: list[str] = []


def keep_sentence(app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Before napoleon, which takes what stands before a colon for the type of an attribute."""
    _sentence[:] = lines


def restore_sentence(app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Give an attribute its text back; one with sections is left as napoleon writes it."""
    if what in ("attribute", "data", "property") and not {"Args:", "Raises:", "Example:"} & set(_sentence):
        lines[:] = _sentence


def resolved(app: Sphinx, env: Any, node: pending_xref, shown: nodes.Element) -> nodes.Element | None:
    """A reference to a Python name: a link where it is public, plain text where it only exists."""
    if node.get("refdomain") != "py":
        return None
    target = str(node["reftarget"])
    public = f"vrft.{target.rpartition('.')[2]}"
    objects = env.domains["py"].objects
    if public != target and public in objects and _is(target, public):
        place = objects[public]
        uri = app.builder.get_relative_uri(node["refdoc"], place.docname)
        link = nodes.reference("", "", internal=True, refuri=f"{uri}#{place.node_id}")
        link += shown
        return link
    return shown


def _is(name: str, public: str) -> bool:
    """Whether two names mean one object; a bare one means the public one."""
    module, _, own = name.rpartition(".")
    if not module:
        return True
    try:
        return getattr(import_module(module), own) is getattr(import_module("vrft"), public.split(".")[1])
    except (ImportError, AttributeError):
        return False
