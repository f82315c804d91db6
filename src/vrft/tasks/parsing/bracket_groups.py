"""What stands in brackets in a text: the tree that the tolerant reader builds."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Group:
    """One pair of brackets, or one run of coordinate tokens, and what stands in it."""

    opener: str
    """``[``, ``(``, ``{``; ``<`` for coordinate tokens and point tags; empty for the text itself."""
    start: int = 0
    end: int = 0
    """Where it stands in the text."""
    entries: list[tuple[str | None, Value]] = field(default_factory=list)
    """Keys in lower case, none in lists, and values, in order; None for what is unreadable."""
    cut: bool = False
    """The text ended before the bracket was closed."""
    token: str = ""
    """Of coordinate tokens and point tags: the first one as written."""
    key: str | None = None
    """While reading: a key whose value has not come yet."""
    colon: bool = False
    fresh: bool = True
    """While reading: nothing has come since the bracket or the last comma."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a reference token calls the boxes after it."""

    label: str


Value = float | str | Group | Name | None


@dataclass(frozen=True, slots=True)
class Scan:
    """All that a text holds in brackets."""

    root: Group
    """Outermost groups and names in order, with the keys that stood before them."""
    truncated: bool
    """A bracket was never closed, or the text was too long to be read whole."""
    clean: bool
    """Nothing but well-formed groups, commas, code fences and special tokens was there."""
    words: bool
    """Words stood outside of all groups."""
