"""XML label files as element trees with line numbers, read without entities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from vrft.errors import LabelError


@dataclass(frozen=True)
class Markup:
    """One XML file."""

    file: Path
    root: ElementTree.Element
    lines: dict[ElementTree.Element, int]
    """Where each element begins, counted from 1."""

    def where(self, element: ElementTree.Element) -> str:
        """File and line of an element, for messages."""
        return f"{self.file}, line {self.lines[element]}"


def read_markup(file: Path) -> Markup:
    """Read an XML file.

    Args:
        file: any XML file.

    Returns:
        Its elements.

    Raises:
        LabelError: it is not well-formed, or declares a document type, whose entities can grow without end.
    """
    parser, builder = expat.ParserCreate(), ElementTree.TreeBuilder()
    lines: dict[ElementTree.Element, int] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        lines[builder.start(tag, attributes)] = parser.CurrentLineNumber

    def refuse(*_: object) -> None:
        where = f"{file}, line {parser.CurrentLineNumber}"
        raise LabelError("It declares a DOCTYPE.", where, "Labels need none: remove the line.")

    parser.StartElementHandler = start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(file.read_bytes(), True)
    except expat.ExpatError as error:
        problem = f"The file is no XML ({expat.ErrorString(error.code)})."
        raise LabelError(problem, f"{file}, line {error.lineno}", "Export it again.") from error
    except (LookupError, ValueError) as error:
        raise LabelError(f"The file is no XML ({error}).", str(file), "Save it as UTF-8.") from error
    return Markup(file, builder.close(), lines)


def text_of(element: ElementTree.Element | None, tag: str) -> str:
    """The trimmed text of a child; empty where there is none.

    Example:
        >>> text_of(ElementTree.fromstring("<object><name> cat </name></object>"), "name")
        'cat'
    """
    child = element.find(tag) if element is not None else None
    return (child.text or "").strip() if child is not None else ""
