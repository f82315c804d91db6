"""Points on things as labels: keypoints of COCO, points of labelme, points and skeletons of CVAT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from vrft.data.label_checks import CATEGORY_POINTS, Mistakes, warnings_about
from vrft.errors import LabelError
from vrft.geometry.boxes import SLACK_PX
from vrft.types import Annotation, Points, PointXY, Provides, Record


class PointsToo:
    """A reader whose labels may also say points; boxes and classes go before them where nothing is named."""

    def leading(self, path: Path, given: frozenset[Provides]) -> frozenset[Provides]:
        return (given - {CATEGORY_POINTS}) or given


def keypoint_name(part: str, thing: str) -> str:
    """What is asked about.

    Example:
        >>> keypoint_name("nose", "person"), keypoint_name("nose", "")
        ('nose of person', 'nose')
    """
    return f"{part} of {thing}" if thing else part


@dataclass
class PointLabels:
    """The points of one image while they are read."""

    record: Record
    mistakes: Mistakes
    annotations: list[Annotation] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    not_labelled: list[str] = field(default_factory=list)
    """Keypoints that the labels name and do not place."""

    def add(self, name: str, xy_px: PointXY, where: str) -> None:
        """One more point of a category; where it is outside of the image it is left out."""
        with self.kept([name]):
            (x, y), (width, height) = xy_px, self.record.image.size_wh
            inside = (min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height)))
            if max(abs(x - inside[0]), abs(y - inside[1])) > SLACK_PX:
                problem = f"The point {x:g}, {y:g} of '{name}' is outside of its image of {width}x{height}."
                raise LabelError(problem, where, "Fix or remove it.")
            self.annotations.append(Annotation("category", name, Points((inside,))))

    def leave_out(self, name: str) -> None:
        """A keypoint that is not labelled: nobody says that it is not there."""
        self.unknown.add(name)
        self.not_labelled.append(f"'{name}' on {self.record.id}")

    @contextmanager
    def kept(self, names: Iterable[str]) -> Iterator[None]:
        """``Mistakes.kept`` of a label that says several names."""
        unknown: set[str] = set()
        with self.mistakes.kept(unknown):
            yield
        self.unknown |= set(names) if unknown else set()

    @property
    def labelled(self) -> Record:
        """The record with what was read."""
        unknown = (*self.record.unknown, *sorted(self.unknown))
        return replace(self.record, annotations=tuple(self.annotations), unknown=unknown)


def note_on(not_labelled: list[str]) -> list[str]:
    """A sentence about keypoints that the labels leave out."""
    return warnings_about({"Keypoints without a label are not asked about there": not_labelled})
