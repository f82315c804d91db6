"""What a model is shown: images, videos, and whatever a user adds; and which part of each it sees.

A medium says what is shown of a file: a window, mirrored or not, at another size, with edits that move
nothing. Labels and answers stay in the file's own pixels whatever is shown: the coordinate frame does the
rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from vrft.types.coded import Coded
from vrft.types.frames import CoordinateFrame, FrameName

if TYPE_CHECKING:
    from PIL import Image as PILImage


class PixelEdit(Coded):
    """A change of pixels that moves nothing, such as of color: a frozen dataclass, so it can be logged."""

    def apply(self, image: PILImage.Image) -> PILImage.Image:
        """The changed image; the given one stays as it is."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ColorShift(PixelEdit):
    """Brightness, contrast and saturation, each as a factor of what it was.

    Hues stay, because a class may be a color.
    """

    kind: ClassVar[str] = "color_shift"
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0

    def apply(self, image: PILImage.Image) -> PILImage.Image:
        from PIL import ImageEnhance

        image = ImageEnhance.Brightness(image).enhance(self.brightness)
        image = ImageEnhance.Contrast(image).enhance(self.contrast)
        return ImageEnhance.Color(image).enhance(self.saturation)


class Medium(Coded):
    """Something on disk that a question is about: a frozen dataclass, equal where the same is shown."""

    path: Path
    size_wh: tuple[int, int]
    """Width and height of the file's image, or of a video's frames, in pixels (EXIF rotation applied)."""

    def frame(self, name: FrameName, input_wh: tuple[int, int]) -> CoordinateFrame:
        """How places in it are written."""
        return CoordinateFrame.whole(name, self.size_wh, input_wh)


@dataclass(frozen=True, slots=True)
class Image(Medium):
    """An image file, and what is shown of it: a window, then resized, then mirrored, then edited."""

    kind: ClassVar[str] = "image"
    path: Path
    size_wh: tuple[int, int]
    window_px: tuple[int, int, int, int] | None = None
    """Left, top, right and bottom of the part that is shown; None shows all of it."""
    resized_wh: tuple[int, int] | None = None
    """Width and height in pixels that the shown part is resized to, before the family's own resize."""
    mirrored: bool = False
    """Left and right change places."""
    edits: tuple[PixelEdit, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Nothing is cut off or mirrored."""
        return self.window_px is None and not self.mirrored

    @property
    def is_plain(self) -> bool:
        """It is shown as the file has it."""
        return self.is_whole and self.resized_wh is None and not self.edits

    @property
    def shown_wh(self) -> tuple[int, int]:
        """Width and height in pixels of what is shown, before the family's own resize."""
        if self.resized_wh is not None:
            return self.resized_wh
        if self.window_px is None:
            return self.size_wh
        left, top, right, bottom = self.window_px
        return (right - left, bottom - top)

    def frame(self, name: FrameName, input_wh: tuple[int, int]) -> CoordinateFrame:
        left, top, right, bottom = self.window_px or (0, 0, *self.size_wh)
        window = (float(left), float(top), float(right), float(bottom))
        return CoordinateFrame(name, window, input_wh, self.mirrored)


@dataclass(frozen=True, slots=True)
class Video(Medium):
    """Frames of a video file or of a folder of images, with their times."""

    kind: ClassVar[str] = "video"
    path: Path
    size_wh: tuple[int, int]
    times_s: tuple[float, ...] = ()
    """When each shown frame is, in seconds from the start."""
    order: tuple[int, ...] = ()
    """Which frame is shown at each time, where that is another one (a shuffled clip); empty: in order."""
