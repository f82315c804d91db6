"""'No Objects' and its variants: the words of an answer that names nothing.

The whole content must say so in one statement. Prose that mentions the words, or that goes on with a but,
is not an abstention.
"""

from __future__ import annotations

import re

MAX_CHARS = 300

_DEMANDED = re.compile(r"""[\s"'`\[]{0,8}no[\s_-]{0,4}objects?[\s"'`\].]{0,8}""", re.IGNORECASE)

_THINGS = r"(?:objects?|targets?|instances?|detections?|matches|bounding boxe?s?|boxe?s?|faces?|results?)"
_SEEN = r"(?: (?:were|was|is|are))?(?: (?:found|detected|present|visible|observed|identified))"
_WHERE = r"(?: (?:in|within) (?:the|this) (?:given |provided )?(?:image|picture|photo))?"
_TAIL = rf"(?:{_SEEN})?{_WHERE}"
# A dot ends the statement unless a word or a closing quote follows: "guy 2." or f.c.
_STATEMENT = r"(?:[^.!?\n]|[.!?](?=[\"”'\w]))"
_ANY = re.compile(
    rf"(?:no[ _-]{{0,2}}(?:such |matching )?{_THINGS}|none|nothing){_TAIL}"
    rf"|no [\w -]{{1,60}}?{_SEEN}{_WHERE}"
    r"|empty|null|nil|n/?a|not (?:applicable|found|present|visible|detected)"
    rf"|there(?:'s| is| are| was| were) (?:no|none|nothing|not any)\b{_STATEMENT}{{0,250}}+"
    rf"|none of {_STATEMENT}{{1,200}}+"
    r"|(?:(?:the|this) (?:image|picture|photo) (?:does not|doesn't) (?:contain|show|have|include)"
    rf"|i (?:do not|don't|cannot|can't) (?:see|find|detect)) any\b{_STATEMENT}{{1,200}}+"
    r"|(?:(?:图像|图片|图)(?:中|里)?)?(?:没有|未检测到|未发现|未找到|不存在|无)[^\s，。,.!?]{0,12}",
    re.IGNORECASE,
)
_AROUND = " \t\r\n\"'`“”‘’[](){}*_"
_HEDGE = re.compile(
    r"\b(?:but|however|except|only (?:an?|one|two|the)|instead|although|though|besides|apart|other than)\b",
    re.IGNORECASE,
)


def is_demanded(content: str) -> bool:
    """Whether a text is the abstention that the prompt asks for: 'No Objects', with or without its quotes."""
    return len(content) < 40 and _DEMANDED.fullmatch(content) is not None


def is_abstention(content: str) -> bool:
    """Whether a text of at most ``MAX_CHARS`` characters says in one statement that there is nothing.

    Example:
        >>> is_abstention("None"), is_abstention("There are no dogs in the image.")
        (True, True)
        >>> is_abstention("There are no dogs, but a cat at the left."), is_abstention("No Objects is wrong")
        (False, False)
    """
    if len(content) > MAX_CHARS:
        return False
    words = " ".join(content.strip(_AROUND).rstrip(".。!！").strip(_AROUND).split())
    return _ANY.fullmatch(words) is not None and _HEDGE.search(words) is None
