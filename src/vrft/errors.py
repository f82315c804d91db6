"""What can go wrong, as a tree. Every message says what, where, and what to do.

VrftError
  InputError      the user's data, configuration or model folder; the command line ends with status 2
    LabelError    one place in a label file, an image or a folder
      ImageError  an image that is missing, damaged or of another size than its labels
      MaskError   a segmentation that cannot be read
      Contradiction  two labels of one image that say different things; both are left out
      BoxError    a box that is not inside its image: FlatBox, UpturnedBox, OutsideBox
    ConfigError   a configuration key or value
    ModelError    a folder or id that is not a model of the kind that is needed
      NumbersError  a model that computes numbers which are not finite
  RunError        a run folder that cannot be resumed, read or written
    Interrupted   a signal ended the work; the command line ends with status 130
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class VrftError(Exception):
    """Base of every error that vrft raises on purpose."""


class InputError(VrftError):
    """The user gave something that cannot be used; the message says what to change."""


class LabelError(InputError):
    """A label is wrong at a known place.

    Args:
        problem: what is wrong, in one sentence.
        where: the file, with line or image id.
        fix: what to do about it.
        mistakes: all mistakes of a dataset, where this error tells of several.
    """

    kind: ClassVar[str] = "labels that cannot be used"
    """What it is about, as counts name it."""
    remedy: ClassVar[str] = "It was left out."
    """What became of its label where a part of that was kept."""

    def __init__(self, problem: str, where: str, fix: str = "", mistakes: Sequence[LabelError] = ()) -> None:
        self.problem, self.where, self.fix = problem, where, fix
        self._mistakes = tuple(mistakes)
        super().__init__(f"{where}: {problem}" + (f" {fix}" if fix else ""))

    @property
    def mistakes(self) -> tuple[LabelError, ...]:
        """Every mistake that it tells of, one by one: itself where it is the only one."""
        return self._mistakes or (self,)


class ImageError(LabelError):
    """An image is missing, damaged, or of another size than its labels say."""

    kind = "images that cannot be used"


class MaskError(LabelError):
    """A segmentation cannot be read."""

    kind = "segmentations that cannot be used"
    remedy = "Its box was read without it."


class Contradiction(LabelError):
    """Two labels of one image say different things; which of them is right, only a person can say.

    Args:
        problem: as for ``LabelError``, like ``where``.
        where: the file, with line or image id.
        record_id: the image.
        asked: what they are about, and its name, as in ``Annotation``.
    """

    kind = "labels that contradict each other"

    def __init__(self, problem: str, where: str, record_id: str, asked: tuple[str, str]) -> None:
        self.record_id, self.asked = record_id, asked
        fix = "Keep the right one; until then neither is used. Where both are meant, make them one answer."
        super().__init__(problem, where, fix)


class BoxError(LabelError):
    """A box has no area, stands outside its image, or has its corners in another order.

    Args:
        problem: as for ``LabelError``, like ``where`` and ``fix``.
        where: the file, with line or image id.
        fix: what to do about it.
        corners: x1, y1, x2, y2 in pixels as they were read.
        image_wh: the image's width and height in pixels.
    """

    def __init__(
        self,
        problem: str,
        where: str,
        fix: str,
        corners: tuple[float, float, float, float],
        image_wh: tuple[int, int],
    ) -> None:
        self.corners, self.image_wh = corners, image_wh
        super().__init__(problem, where, fix)


class FlatBox(BoxError):
    """A box has no area."""

    kind = "boxes without area"


class UpturnedBox(BoxError):
    """A box whose first corner is not the upper left one."""

    kind = "boxes drawn upwards or to the left"
    remedy = "Its corners were put in order."


class OutsideBox(BoxError):
    """A box reaches over the border of its image, or is beyond it."""

    kind = "boxes over the border of their images"
    remedy = "It was clipped."


class ConfigError(InputError):
    """A configuration key or value that is not understood."""


class ModelError(InputError):
    """A folder or hub id that is not what is needed: a vision-language model vrft can train, or a SAM."""


class NumbersError(ModelError):
    """A model computes numbers that are not finite: its weights are broken, or their precision too low."""


class RunError(VrftError):
    """A run folder that cannot be resumed, read or written."""


class Interrupted(RunError):
    """A signal ended a trial; its checkpoint is written."""
