"""XML label files: their elements with the lines where these begin; nothing outside the file is followed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from vrft.errors import ImageError

_HEAD = 4096


@dataclass(frozen=True)
class Markup:
    """One XML file."""

    file: Path
    root: ElementTree.Element
    lines: dict[ElementTree.Element, int]

    def where(self, element: ElementTree.Element) -> str:
        """An element's place, for messages."""
        return f"{self.file}, line {self.lines[element]}"


def begins_with(file: Path, tag: str) -> bool:
    """Whether an element of this name is near the start of a file: true of a broken XML as well."""
    with file.open("rb") as handle:
        # Without zeros UTF-16 reads as ASCII here.
        head = handle.read(_HEAD).replace(b"\0", b"")
    return re.search(rb"<%s[\s/>]" % tag.encode(), head) is not None


def read_markup(file: Path) -> Markup:
    """The content of an XML file; ImageError where it is broken or declares a DOCTYPE."""
    parser, builder = expat.ParserCreate(), ElementTree.TreeBuilder()
    lines: dict[ElementTree.Element, int] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        lines[builder.start(tag, attributes)] = parser.CurrentLineNumber

    def refuse(*_: object) -> None:
        where = f"{file}, line {parser.CurrentLineNumber}"
        raise ImageError("The file declares a DOCTYPE, which vrft does not read.", where, "Remove the line.")

    parser.StartElementHandler = start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(file.read_bytes(), True)
    except expat.ExpatError as error:
        problem = f"The file is not XML ({expat.ErrorString(error.code)})."
        raise ImageError(problem, f"{file}, line {error.lineno}", "Export it again.") from error
    except (LookupError, ValueError) as error:
        raise ImageError(f"The file is not XML ({error}).", str(file), "Save it as UTF-8.") from error
    return Markup(file, builder.close(), lines)


def text_of(element: ElementTree.Element | None, tag: str) -> str:
    """The trimmed text of a child; empty where there is none."""
    child = element.find(tag) if element is not None else None
    return (child.text or "").strip() if child is not None else ""
