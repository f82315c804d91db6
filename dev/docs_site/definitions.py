"""Terms with what they mean, as MyST's definition lists."""

from __future__ import annotations

import re
from collections.abc import Sequence


def code(text: str) -> str:
    """As code; a text with backticks gets more of them."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def prose(text: str | None) -> str:
    """A docstring's text as Markdown: its double backticks are single ones, its lines one."""
    return re.sub(r"``(.+?)``", r"`\1`", " ".join((text or "").split()))


def definition(term: str, text: str | None, notes: Sequence[str] = ()) -> str:
    """A term, what it means, and in small print what is known of its values.

    Example:
        >>> print(definition("`--shots` `INTEGER`", "Images per class.", ["default: `4`"]))
        `--shots` `INTEGER`
        : Images per class. [default: `4`]{.note}
    """
    small = f"[{', '.join(notes)}]{{.note}}" if notes else ""
    return f"{term}\n: {' '.join(part for part in (prose(text), small) if part) or '…'}"
