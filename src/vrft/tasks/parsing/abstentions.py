"""'No Objects' and its variants: the words of an answer that names nothing.

The first sentence must say so. Prose that mentions the words later, or that goes on with a but, is not an
abstention, unless the but says again what is not there.
"""

from __future__ import annotations

import re

MAX_CHARS = 600

_DEMANDED = re.compile(r"""[\s"'`\[]{0,8}no[\s_-]{0,4}objects?[\s"'`\].]{0,8}""", re.IGNORECASE)

_NO_OBJECTS = r"no[\s_-]{0,4}objects?"
_SAYS_NO_OBJECTS = re.compile(_NO_OBJECTS, re.IGNORECASE)
_RATED = re.compile(
    rf"(?:{_NO_OBJECTS}|[\s\"'`\[\]{{}}(),:;.]|confidence|score|position|object|label|class|answer|none|null"
    r"|(?<![0-9.])(?:0(?:\.[0-9]{1,9})?|1(?:\.0{1,9})?)(?![0-9.]))+",
    re.IGNORECASE,
)
_THINGS = r"(?:objects?|targets?|instances?|detections?|matches|bounding boxe?s?|boxe?s?|faces?|results?)"
_SEEN = r"(?: (?:were|was|is|are))?(?: (?:found|detected|present|visible|observed|identified|shown))"
IMAGE = r"(?:image|picture|photo|photograph|scene|screenshot)"
"""What models call what they are shown."""
_THERE = rf"(?: (?:in|within|on) (?:the|this) (?:given |provided )?{IMAGE}| here)"
_WHERE = rf"{_THERE}?"
_TAIL = rf"(?:{_SEEN})?{_WHERE}"
_NO_NAME = (
    r"(?!(?:idea|problem|answer|comment|clue|information|way|need|doubt|one|change|thanks|response|longer|more"
    r"|matter|other|further)\b)"
)
_NOUN = r"(?!(?:is|are|was|were|can|has|have|to|in|on|of|or|and)\b)[\w-]{1,30}"
# A dot ends the statement unless a word or a closing quote follows: "guy 2." or f.c.
_STATEMENT = r"(?:[^.!?\n]|[.!?](?=[\"”'\w]))"
_ANY = re.compile(
    rf"(?:no[ _-]{{0,2}}(?:such |matching )?{_THINGS}|none|nothing){_TAIL}"
    rf"|no {_NO_NAME}(?:[\w -]{{1,60}}?(?:{_SEEN}{_WHERE}|{_THERE})|{_NOUN}(?: {_NOUN})?)"
    r"|empty|null|nil|n/?a|not (?:applicable|found|present|visible|detected)"
    rf"|there(?:'s| is| are| was| were) (?:no|none|nothing|not an?y?)\b{_STATEMENT}{{0,250}}+"
    rf"|there (?:is|are|was|were)n't (?:any|an?)\b{_STATEMENT}{{0,250}}+"
    rf"|the [\w' -]{{1,60}}? (?:is not|isn't|are not|aren't)(?: visible| present| shown|{_THERE}){{1,2}}"
    rf"|none of {_STATEMENT}{{1,200}}+"
    rf"|(?:the|this) {IMAGE} (?:does not|doesn't) (?:contain|show|have|include) (?:any|an?|the)\b"
    rf"{_STATEMENT}{{1,200}}+"
    r"|i (?:do not|don't|did not|didn't|cannot|can't|could not|couldn't) (?:see|find|detect|spot|locate)"
    rf" (?:any|an?|the|such)\b{_STATEMENT}{{1,200}}+"
    r"|(?:(?:图像|图片|图)(?:中|里)?)?(?:没有|未检测到|未发现|未找到|不存在|无)[^\s，。,.!?]{0,12}"
    r"|[^，。,.!?]{0,30}(?:は(?:い|あり|見え|見つかり|写ってい|映ってい)ません"
    r"|(?:없습니다|없어요|없음|(?:보이|발견되|감지되)지 않(?:습니다|아요|음)))",
    re.IGNORECASE,
)
_PREFACE = re.compile(r"(?:no|none|sorry|unfortunately|answer)[,:] (?=\S)", re.IGNORECASE)
_AROUND = " \t\r\n\"'`“”‘’[](){}*_"
_DENIED = (
    r"(?:(?:it|this|that|there|they)(?:'s|(?: is| are| was| does| do))?|(?:it|there) (?:appears|seems))?"
    r"(?: not?\b|n't\b)|no\b|not\b|none\b"
)
_HEDGE = re.compile(
    r"\b(?:but|however|except|only (?:an?|one|two|the)|instead|although|though|besides|apart|other than)\b"
    rf"(?!,? (?:{_DENIED}))",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(r"\bi (?:can |do |also )?(?:see|find|found|detect|spot|notice)\b", re.IGNORECASE)
_SENTENCES = re.compile(r"(?<=[.!?。！])\s+(?=\S)")
_NUMBER = re.compile(r"[0-9]")


def is_demanded(content: str) -> bool:
    """Whether a text is the abstention that the prompt asks for: 'No Objects', with or without its quotes."""
    return len(content) < 40 and _DEMANDED.fullmatch(content) is not None


def is_rated_abstention(content: str) -> bool:
    """Whether a text says 'No Objects', and next to it nothing but a confidence and keys without a place.

    Example:
        >>> is_rated_abstention("['No Objects', {'Confidence': 0.9}]"), is_rated_abstention("[0.9]")
        (True, False)
    """
    said = len(content) < 200 and _SAYS_NO_OBJECTS.search(content) is not None
    return said and _RATED.fullmatch(content) is not None


def is_abstention(content: str) -> bool:
    """Whether a text of at most ``MAX_CHARS`` characters says in its first sentence that there is nothing.

    What follows may say what there is instead, but no number, and nothing that takes it back.

    Example:
        >>> is_abstention("None"), is_abstention("There are no dogs here. The image shows a cat.")
        (True, True)
        >>> is_abstention("There are no dogs, but a cat at the left."), is_abstention("No Objects is wrong")
        (False, False)
    """
    if len(content) > MAX_CHARS:
        return False
    first, *further = _SENTENCES.split(content.strip(_AROUND), maxsplit=1)
    words = " ".join(first.rstrip(".。!！").strip(_AROUND).replace("’", "'").split())
    words = _PREFACE.sub("", words, count=1) if _PREFACE.match(words) else words
    if _ANY.fullmatch(words) is None or _HEDGE.search(words) is not None:
        return False
    return not further or not any(found.search(further[0]) for found in (_NUMBER, _HEDGE, _TAKEN_BACK))
