"""How released code compares places: what is written is scaled by the sides of the image, inside of it or
not; where the code scales labels, these are."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.types import BoxXYXY, CoordinateFrame, PointXY


def placed(point: PointXY, frame: CoordinateFrame | None) -> PointXY:
    """Written numbers in pixels of the file; as they are where nobody knows how they are written.

    Example:
        >>> placed((1500, 0), CoordinateFrame.whole("norm1000", (200, 100)))
        (300.0, 0.0)
    """
    if frame is None:
        return point
    (left, top, right, _), (x, y), (across, down) = frame.window_px, point, _scale(frame)
    return (right - x * across if frame.mirrored else left + x * across, top + y * down)


def placed_box(numbers: Sequence[float], frame: CoordinateFrame | None) -> BoxXYXY:
    """Four written numbers as corners in pixels of the file, inverted ones too."""
    a, b = (placed((numbers[i], numbers[i + 1]), frame) for i in (0, 2))
    x1, x2 = (b[0], a[0]) if frame is not None and frame.mirrored else (a[0], b[0])
    return (x1, a[1], x2, b[1])


def written_box(box_xyxy_px: BoxXYXY, frame: CoordinateFrame | None) -> BoxXYXY:
    """A box in pixels of the file as numbers of a frame, not rounded."""
    x1, y1, x2, y2 = box_xyxy_px
    if frame is None:
        return box_xyxy_px
    (left, top, right, _), (across, down) = frame.window_px, _scale(frame)
    x1, x2 = (right - x2, right - x1) if frame.mirrored else (x1 - left, x2 - left)
    return (x1 / across, (y1 - top) / down, x2 / across, (y2 - top) / down)


def shown_boxes(
    boxes_xyxy_px: Sequence[BoxXYXY], frame: CoordinateFrame | None
) -> tuple[list[BoxXYXY], tuple[float, float]]:
    """Boxes in pixels of the part of the file that is shown, and the factors by which written numbers come
    there, across and down."""
    if frame is None:
        return list(boxes_xyxy_px), (1.0, 1.0)
    left, top, right, _ = frame.window_px
    shown = [
        (
            right - x2 if frame.mirrored else x1 - left,
            y1 - top,
            right - x1 if frame.mirrored else x2 - left,
            y2 - top,
        )
        for x1, y1, x2, y2 in boxes_xyxy_px
    ]
    return shown, _scale(frame)


def _scale(frame: CoordinateFrame) -> tuple[float, float]:
    (width, height), (extent_x, extent_y) = frame.window_wh, frame.extent_wh
    return width / extent_x, height / extent_y
