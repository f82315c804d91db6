"""How names are compared: classes, phrases, questions, written answers, files. Nobody else folds a name.

======================  =============================================================================
what                    rule
======================  =============================================================================
what is held            Unicode's NFC, from the moment it is read: classes, phrases, questions, options
                        and class names in answers, so that equal names are equal strings
a written class name    ``plain_name``: capitals aside (Unicode's canonical caseless matching); full and
                        half width alike; blanks, ``_`` and ``-`` alike, but for the sign of a number;
                        quotes around it and a final full stop left out
a name beside a box     ``is_called``: as a written class name; an article, a number and a plural's s aside
a text that is read     ``plain_text``: full and half width alike, ligatures of f as their letters, any run of
                        whitespace as one blank; capitals count unless said otherwise
files                   NFC; capitals and width count, unless the disk itself takes them for the same
======================  =============================================================================

macOS writes names decomposed (NFD), keyboards and models composed (NFC). NFKC is used nowhere: it would make
``m2`` of ``m²`` and ``1`` of ``①``, which are other names.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb\u300c\u300d\u300e\u300f"
_STOPS = (".", "。")
_GAPS = re.compile(r"(?!^-[^\w\s-]?[0-9])[\s_-]+")
"""A hyphen before a number at the start is its sign: -3 is not 3, nor is -$5 $5."""
_ONE_OF_SEVERAL = re.compile(r"(?:(?:an?|the|another|one) )?(.*?)(?: ?#?[0-9]{1,3})?")
_ANY_CLASS = frozenset(("object", "target", "item", "instance", "thing", "result", "answer", "box"))
_WIDTHS = ("<wide>", "<narrow>")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"})


def nfc(text: str) -> str:
    """A text with its accents and syllables composed: Unicode's NFC.

    Example:
        >>> nfc("cafe\\u0301") == "caf\\u00e9"
        True
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """A text without its capitals, and with full and half width alike.

    Example:
        >>> folded("ＣＡＦÉ") == folded("cafe\\u0301"), folded("m²") == folded("m2")
        (True, False)
    """
    if text.isascii():
        return text.casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", _usual(text)).casefold())


def plain_text(text: str, ignore_case: bool = False) -> str:
    """A text of any length without what is typing and not content: equal for equal texts.

    Example:
        >>> plain_text("ＡＢＣ\\n ﬁle"), plain_text("Exit", ignore_case=True)
        ('ABC file', 'exit')
        >>> plain_text("m²") == plain_text("m2"), plain_text("①") == plain_text("1")
        (False, False)
    """
    text = text.translate(_LIGATURES)
    return " ".join((folded(text) if ignore_case else nfc(_usual(text))).split())


def plain_name(text: str) -> str:
    """A written class name without all that makes no difference: equal for equal names.

    Example:
        >>> plain_name("'Garden_Phlox'."), plain_name("「猫」。"), plain_name(" . ")
        ('garden phlox', '猫', '')
    """
    text = _without_stop(folded(text)).strip(_QUOTES).strip()
    return _GAPS.sub(" ", _without_stop(text)).strip()


def is_called(label: str, name: str) -> bool:
    """Whether the name that an answer writes beside a box may be a class's, and is not clearly another's.

    Example:
        >>> [is_called(label, "dog") for label in ("Dog", "the dogs", "dog 2", "object")]
        [True, True, True, True]
        >>> is_called("cat", "dog"), is_called("hot dog", "dog")
        (False, False)
    """
    written, meant = plain_name(label), plain_name(name)
    if written in ("", meant):
        return True
    one = _ONE_OF_SEVERAL.fullmatch(written)
    written = one[1] if one else written
    return written in (meant, f"{meant}s", f"{meant}es") or written in _ANY_CLASS


def _without_stop(text: str) -> str:
    text = text.strip()
    return text[:-1].strip() if text.endswith(_STOPS) else text


def _usual(text: str) -> str:
    return text if text.isascii() else "".join(map(_of_usual_width, text))


@lru_cache(maxsize=4096)
def _of_usual_width(letter: str) -> str:
    width, _, usual = unicodedata.decomposition(letter).partition(" ")
    return "".join(chr(int(code, 16)) for code in usual.split()) if width in _WIDTHS else letter
