"""A page taken apart again, so that tests assert on what a reader sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "br", "link", "img", "input", "hr"}


@dataclass
class Page(HTMLParser):
    """Tags with attributes, tables by class, and all visible text; raises on tags that do not close."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.table: list[list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.table = self.tables.setdefault(given.get("class", ""), [])
        elif tag == "tr" and self.table is not None:
            self.table.append([])
        elif tag in ("td", "th") and self.table is not None:
            self.table[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "table":
            self.table = None

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.words.append(data)
        if self.table and self.table[-1] and {"td", "th"} & set(self.open):
            self.table[-1][-1] = (self.table[-1][-1] + data).strip()

    @property
    def text(self) -> str:
        """All visible words, with single spaces."""
        return " ".join(" ".join(self.words).split())

    def classes(self, tag: str) -> list[str]:
        """The class of every element of a kind."""
        return [given["class"] for name, given in self.tags if name == tag and "class" in given]


def read_page(path: Path) -> Page:
    """Parse a page and make sure that every tag is closed."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert page.open == []
    return page
