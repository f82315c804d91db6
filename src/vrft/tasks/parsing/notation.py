"""What the keys in a model's objects mean.

The demanded keys are those of the paper (``Position``, ``Confidence``) and of the Qwen family (``bbox_2d``);
``bbox``, ``box``, ``bounding_box`` and ``bounding_box_2d`` are taken for them. Every other key is read as
well as it can be, and costs the form.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache


class Meaning(Enum):
    """What stands under a key."""

    BOX = auto()
    BOX_OTHER = auto()
    """A box under a key that nobody asked for."""
    BOX_YX = auto()
    """``box_2d``: the models that write it (Gemini) put y before x, always."""
    POINT = auto()
    LABEL = auto()
    CONFIDENCE = auto()
    X1 = auto()
    Y1 = auto()
    X2 = auto()
    Y2 = auto()
    X = auto()
    Y = auto()
    WIDTH = auto()
    HEIGHT = auto()
    TOP_LEFT = auto()
    BOTTOM_RIGHT = auto()
    WRAPPER = auto()
    """Stands around an answer and says nothing of it: ``answer``."""
    NAME = auto()
    """Anything else: the key names the object."""


BOX_KEYS = frozenset({"position", "bbox_2d", "bbox", "box", "bounding_box", "bounding_box_2d"})
CONFIDENCE_KEYS = frozenset({"confidence", "score"})
BOXES = frozenset({Meaning.BOX, Meaning.BOX_OTHER, Meaning.BOX_YX})
CORNERS_XYXY = (Meaning.X1, Meaning.Y1, Meaning.X2, Meaning.Y2)

_WORDS = {
    Meaning.BOX_YX: "box2d",
    Meaning.POINT: "point point2d points points2d coordinate xy click center centre location",
    Meaning.LABEL: "label name category class classname categoryname object objectname text textcontent "
    "description caption nameen namezh species",
    Meaning.CONFIDENCE: "confidence score conf probability prob confidencescore",
    Meaning.X1: "x1 x0 xmin minx left leftx topleftx",
    Meaning.Y1: "y1 y0 ymin miny top topy toplefty",
    Meaning.X2: "x2 xmax maxx right rightx bottomrightx",
    Meaning.Y2: "y2 ymax maxy bottom bottomy bottomrighty",
    Meaning.X: "x",
    Meaning.Y: "y",
    Meaning.WIDTH: "w width",
    Meaning.HEIGHT: "h height",
    Meaning.TOP_LEFT: "topleft lefttop upperleft topleftcorner upperleftcorner",
    Meaning.BOTTOM_RIGHT: "bottomright rightbottom lowerright bottomrightcorner lowerrightcorner",
    Meaning.WRAPPER: "answer finalanswer output result results response prediction predictions detections "
    "objects final",
}
_MEANINGS = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
_SEPARATORS = re.compile(r"[\s_*-]+")
_BOX_PARTS = re.compile(r"b?box|bndb|pos|coord|rect|region|area|2d")


@lru_cache(maxsize=4096)
def meaning_of(key: str) -> Meaning:
    """What stands under a key of an object.

    Args:
        key: in lower case, as written otherwise.

    Returns:
        Its meaning; ``NAME`` for a key that is none of the known ones.

    Example:
        >>> meaning_of("bbox_2d"), meaning_of("top-left corner"), meaning_of("zebra")
        (<Meaning.BOX: 1>, <Meaning.TOP_LEFT: 15>, <Meaning.NAME: 18>)
    """
    if key in BOX_KEYS:
        return Meaning.BOX
    plain = _SEPARATORS.sub("", key[:60])
    found = _MEANINGS.get(plain)
    if found is not None:
        return found
    return Meaning.BOX_OTHER if _BOX_PARTS.search(plain) else Meaning.NAME
