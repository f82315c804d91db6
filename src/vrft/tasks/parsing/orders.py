"""The order of a box's numbers where an answer states it: in a key, beside the box, or in words around it.

``bbox_xywh``, ``"format": "cxcywh"``, ``[ymin, xmin, ymax, xmax] = [...]`` and ``in COCO format`` are such
statements. Corners in any order are followed. Sides and centers are not: their corners are sums that nobody
wrote.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vrft.tasks.parsing.raw_answer import Order

MAX_CHARS = 120
"""Of one statement."""

_ROLES = {
    "x": "x x1 x0 xmin minx xleft leftx left topleftx upperleftx x左上 左上x 左上角x 左",
    "y": "y y1 y0 ymin miny ytop topy top toplefty upperlefty y左上 左上y 左上角y 上",
    "X": "x2 xmax maxx xright rightx right bottomrightx lowerrightx x右下 右下x 右下角x 右",
    "Y": "y2 ymax maxy ybottom bottomy bottom bottomrighty lowerrighty y右下 右下y 右下角y 下",
    "c": "cx xc xcenter centerx xcentre centrex 中心x",
    "d": "cy yc ycenter centery ycentre centrey 中心y",
    "w": "w width 宽 宽度",
    "h": "h height 高 高度",
}
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words.split()}
_ORDER_OF = {
    **{"xyXY": Order.XYXY, "yxYX": Order.YXYX, "xXyY": Order.XXYY, "yYxX": Order.YYXX},
    **{"xywh": Order.XYWH, "cdwh": Order.CXCYWH},
}
_SHORT = {
    **{"ltrb": Order.XYXY, "tlbr": Order.YXYX, "ltwh": Order.XYWH, "tlwh": Order.XYWH},
    **{"coco": Order.XYWH, "yolo": Order.CXCYWH, "voc": Order.XYXY, "pascalvoc": Order.XYXY},
}
_GEMINIS = "box2d"
"""The models that write this key put y before x, always."""
_ROLE = "|".join(sorted(_ROLE_OF, key=len, reverse=True))
_EACH = re.compile(_ROLE)
_FILLING = (
    r"(?:bounding|bbox|boxes|box|position|coordinates?|coords?|norm(?:ali[sz]ed)?|abs(?:olute)?|rel(?:ative)?"
    r"|pixels?|format|order|in|2d)"
)
_STATEMENT = re.compile(
    rf"{_FILLING}{{0,4}}(?:(?P<roles>(?:{_ROLE}){{4}})|(?P<short>{'|'.join(_SHORT)})){_FILLING}{{0,3}}"
)
_SEPARATORS = re.compile(r"(?:[\W_]|\band\b)+")
_ATOM = (
    r"(?:top|left|right|bottom|upper|lower|min|max|cent(?:er|re)|width|height|[xywhc][0-2]?"
    r"|宽度?|高度?|左上角?|右下角?|中心|[左上右下]|ltrb|tlbr|ltwh|tlwh)"
)
_WORDS = re.compile(r"[^\W_]+")
_LETTERS = ("xyxy", "yxyx", "xxyy", "yyxx", "xywh", "xyhw", "yxwh", "yxhw", "cxcywh", "xcycwh")
_TELLING = frozenset({*_ROLE_OF, *_SHORT, *_LETTERS}) - {"left", "top", "right", "左", "上"}
"""Without one of these words a text states no order but that of corners as they are expected."""
_OPENED = r"(?<=[(\[{（【［])\s{0,4}"
_FOLLOWED = r"(?=\W{0,4}[:=：]|[\s_-]{1,3}(?:format|order|coordinates))"
_RUN = rf"{_ATOM}(?:[\W_]{{0,6}}(?:and )?{_ATOM}){{1,11}}(?![^\W_])"
_AS = r"(?:as|order|format|are|means) (?:the )?"
_IN_WORDS = re.compile(
    rf"{_OPENED}(?P<opened>{_RUN})|(?<![^\W_])(?:{_AS}(?P<said>{_RUN})|(?P<followed>{_RUN}){_FOLLOWED}"
    r"|(?P<short>(?:c?[xy]c?){2}(?:wh|hw|xy|yx)|xxyy|yyxx|ltrb|tlbr|ltwh|tlwh)(?![^\W_])"
    r"|(?P<named>coco|yolo|(?:pascal[\s_-]?)?voc)(?=(?:[\s_-]+b?box)?[\s_-]+(?:format|style|notation)))",
    re.IGNORECASE,
)


def order_of(text: str) -> Order | None:
    """The order that a key or a few words state; None where they state none.

    Example:
        >>> order_of("bbox_xywh"), order_of("[ymin, xmin, ymax, xmax]"), order_of("bbox_2d")
        (<Order.XYWH: 'xywh'>, <Order.YXYX: 'yxyx'>, None)
        >>> order_of("y, x, height, width")
        <Order.OTHER: 'other'>
    """
    return _order_of(text) if len(text) <= MAX_CHARS else None


@lru_cache(maxsize=4096)
def _order_of(text: str) -> Order | None:
    plain = _SEPARATORS.sub("", text.casefold())
    if plain == _GEMINIS:
        return Order.YXYX
    said = _STATEMENT.fullmatch(plain)
    if said is None:
        return None
    if said["short"]:
        return _SHORT[said["short"]]
    roles = "".join(_ROLE_OF[word] for word in _EACH.findall(said["roles"]))
    for near, far in (("x", "X"), ("y", "Y")):
        # "x, y, x, y": the second of each is the far one.
        first = roles.find(near) + 1
        roles = roles[:first] + roles[first:].replace(near, far)
    return _ORDER_OF.get(roles, Order.OTHER)


def orders_in(text: str, most_chars: int) -> list[tuple[int, Order]]:
    """Every order that words in the first characters state, with where the statement ends."""
    if _TELLING.isdisjoint(_WORDS.findall(text[:most_chars].casefold())):
        return []
    statements = _IN_WORDS.finditer(text, 0, most_chars)
    said = ((found.end(), order_of(found[found.lastgroup or 0])) for found in statements)
    return [(end, order) for end, order in said if order is not None]
