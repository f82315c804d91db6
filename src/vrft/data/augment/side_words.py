"""Words that tie a question to where things are in its picture. English alone is known."""

from __future__ import annotations

import re

_TOKENS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""Words of a name in any of its spellings: 'left shoe', 'left_shoe', 'LeftShoe', 'shoe (L)'."""

_SIDE_PARTS = re.compile(
    # As a part of any word ('turnleft', 'rightmost', 'anticlockwise'), but for words of another meaning
    # ('bright', 'fright', 'wright', 'upright', 'copyright', 'righteous', 'cleft', 'leftover').
    r"(?<!c)left(?!over)|(?<!b)(?<!f)(?<!w)(?<!up)(?<!copy)right(?!eous)|clockwise|\bo\W?clock\b|widdershins",
    re.IGNORECASE,
)
_SIDE_WORDS = re.compile(
    r"(north|south)?(east|west)(s|ern|erner|ernmost|erly|ward|wards|bound)?"
    r"|port|portside|larboard|starboard"
    r"|l|r|lh|rh|lhs|rhs|lft|rt|rgt|cw|ccw|acw|e|w|ne|nw|se|sw"
    # Without a 'from', things are counted off from the left.
    r"|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last"
)
_PLACE_WORDS = re.compile(
    r"top|topmost|bottom|bottommost|upper|uppermost|lower|lowest|lowermost|highest"
    r"|middle|mid|cent(er|re)|central|corner|corners|edge|edges|border|half|quarter"
    r"|(north|south)(s|ern|ernmost|erly|ward|wards)?"
)


def speaks_of_sides(text: str) -> bool:
    """Whether a text would be untrue of the mirrored picture: left and right, east and west, turns, counting.

    Doubtful words count: the price is a picture that is not mirrored.

    Args:
        text: a question or the name of a class.

    Example:
        >>> [speaks_of_sides(text) for text in ("the leftmost cup", "turn_right", "shoe (L)", "a bright cup")]
        [True, True, True, False]
    """
    return _SIDE_PARTS.search(text) is not None or _has(_SIDE_WORDS, text)


def speaks_of_places(text: str) -> bool:
    """Whether a text may be untrue of a part of the picture: sides, top and bottom, middle, corners.

    Example:
        >>> [speaks_of_places(text) for text in ("the cup in the middle", "upper_lip", "the largest cup")]
        [True, True, False]
    """
    return speaks_of_sides(text) or _has(_PLACE_WORDS, text)


def _has(words: re.Pattern[str], text: str) -> bool:
    return any(words.fullmatch(token.lower()) for token in _TOKENS.findall(text))
