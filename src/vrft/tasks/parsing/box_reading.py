"""From what is written to pixels of the original picture: the ``View`` converts, or refuses."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vrft.geometry.frames import View
from vrft.tasks.parsing.raw_answer import Order, Rating, Written, WrittenBox, WrittenPoint
from vrft.types import NOWHERE, BoxXYXY, Fault, Span

_ORDERS = {Order.XYXY: (0, 1, 2, 3), Order.YXYX: (1, 0, 3, 2)}


@dataclass(frozen=True, slots=True)
class BoxReading:
    """What an answer says about boxes, in original pixels."""

    boxes_xyxy_px: tuple[BoxXYXY, ...] = ()
    confidences: tuple[float, ...] = ()
    labels: tuple[str | None, ...] = ()
    points_xy_px: tuple[tuple[float, float], ...] = ()
    faults: tuple[Fault, ...] = ()
    n_usable: int = 0
    """Usable boxes before duplicates were merged."""
    spans: tuple[Span, ...] = ()
    """Where each box stands, as in ``Answer.box_spans``."""


def in_pixels(written: Written, view: View | None) -> BoxReading:
    """Convert boxes, or points where there are no boxes.

    Args:
        written: what an answer says.
        view: how the picture's coordinates are written; None where that or the picture's size is unknown.

    Returns:
        Usable boxes in written order, exact duplicates merged under their highest confidence, first label
        and first place. An unusable box (a number out of range, inverted corners, sides instead of corners,
        whose sum nobody wrote) costs that box only. Without a view nothing is converted: ``UNKNOWN_FRAME``.

    Example:
        >>> view = View("thousand", (640, 480), (640, 480))
        >>> in_pixels(Written((WrittenBox((100, 100, 500, 500)),)), view).boxes_xyxy_px
        ((64.0, 48.0, 320.0, 240.0),)
        >>> in_pixels(Written((WrittenBox((100, 100, 500, 500)),)), None).faults
        (<Fault.UNKNOWN_FRAME: 'unknown_frame'>,)
    """
    if not written.boxes and not written.points:
        return BoxReading(faults=written.faults)
    if view is None:
        return BoxReading(faults=(*written.faults, Fault.UNKNOWN_FRAME))
    if not written.boxes:
        return _points(written, view)
    best: dict[BoxXYXY, float] = {}
    names: dict[BoxXYXY, str | None] = {}
    places: dict[BoxXYXY, Span] = {}
    faults: list[Fault] = []
    spans = written.spans or (NOWHERE,) * len(written.boxes)
    for one, span in zip(written.boxes, spans, strict=True):
        box = _pixels(one, view)
        if box is None:
            faults.append(Fault.BAD_BOX)
            continue
        confidence, sound = _confidence(one)
        if not sound:
            faults.append(Fault.BAD_CONFIDENCE)
        best[box] = max(confidence, best.get(box, 0.0))
        names.setdefault(box, one.label)
        places.setdefault(box, span)
    labels = tuple(names.values()) if any(names.values()) else ()
    n_usable = len(written.boxes) - faults.count(Fault.BAD_BOX)
    merged = tuple(dict.fromkeys((*faults, *written.faults)))
    return BoxReading(
        tuple(best),
        tuple(best.values()),
        labels,
        faults=merged,
        n_usable=n_usable,
        spans=tuple(places.values()),
    )


def first_of(reading: BoxReading) -> BoxReading:
    """The first of several boxes alone."""
    return replace(
        reading,
        boxes_xyxy_px=reading.boxes_xyxy_px[:1],
        confidences=reading.confidences[:1],
        labels=reading.labels[:1],
        spans=reading.spans[:1],
    )


def _points(written: Written, view: View) -> BoxReading:
    placed = [_point(point, view) for point in written.points]
    points = tuple(dict.fromkeys(point for point in placed if point is not None))
    bad = (Fault.BAD_BOX,) if None in placed else ()
    return BoxReading(points_xy_px=points, faults=tuple(dict.fromkeys((*bad, *written.faults))))


def _pixels(box: WrittenBox, view: View) -> BoxXYXY | None:
    if box.order is Order.XYXY and box.extent is None:
        return view.read(box.numbers)
    if box.order is Order.XYWH:
        return None
    x1, y1, x2, y2 = (box.numbers[index] for index in _ORDERS[box.order])
    if box.extent is None:
        return view.read((x1, y1, x2, y2))
    own = View("unit", view.original_wh, view.original_wh)
    return own.read((x1 / box.extent, y1 / box.extent, x2 / box.extent, y2 / box.extent))


def _point(point: WrittenPoint, view: View) -> tuple[float, float] | None:
    extent_wh = view.extent_wh if point.extent is None else (point.extent, point.extent)
    x, y = (
        n * side / extent for n, side, extent in zip(point.numbers, view.original_wh, extent_wh, strict=True)
    )
    return (x, y) if 0 <= x <= view.original_wh[0] and 0 <= y <= view.original_wh[1] else None


def _confidence(box: WrittenBox) -> tuple[float, bool]:
    """A confidence in [0, 1], and whether it was written so."""
    if box.confidence is None:
        return (0.0, False) if box.rating is Rating.UNREADABLE else (1.0, box.rating is Rating.NONE)
    clamped = min(max(box.confidence, 0.0), 1.0)
    return clamped, clamped == box.confidence and box.rating is Rating.GIVEN
