"""Images with what was answered about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from PIL import Image

from vrft.data.drawn_media import drawn_media
from vrft.errors import InputError, RunError
from vrft.geometry.overlay import PALETTE
from vrft.run_folder import make_folder
from vrft.tasks.registry import task_of
from vrft.types import Example, Prediction, Shape

QUALITY = 92
"""Of JPEG files."""
_LONGEST = 40
"""Characters of a name that are drawn."""
_KEPT = (".png", ".jpg", ".jpeg")


def draw(about: Example | Prediction | Sequence[Prediction]) -> Image.Image:
    """An image with the label of a question on it, or with answers; a notebook shows it.

    Args:
        about: a question with its target; an answer; or several answers about one image, a color for each.

    Returns:
        RGB, in the size of the file; images of a sequence are side by side.

    Example:
        >>> from tempfile import mkdtemp
        >>> from vrft.types import Boxes, Image as File
        >>> file = Path(mkdtemp()) / "a.png"
        >>> Image.new("RGB", (64, 48)).save(file)
        >>> label = Boxes(((8.0, 8.0, 40.0, 40.0),))
        >>> drawn = draw(Example("a", "a", "detection", (File(file, (64, 48)),), "cup", label))
        >>> drawn.size, drawn.getpixel((8, 24))
        ((64, 48), (31, 111, 235))
    """
    if isinstance(about, Prediction):
        return draw_predictions([about])
    if not isinstance(about, Example):
        return draw_predictions(about)
    shapes = task_of(about).canonical(about.target, about).shapes() if about.target is not None else ()
    return drawn_media(about.media, {about.question: shapes})


def draw_predictions(predictions: Sequence[Prediction]) -> Image.Image:
    """What was shown with the answers to all questions about it, a color for each; in RGB."""
    shapes = [
        (shape, PALETTE[number % len(PALETTE)], name)
        for number, one in enumerate(predictions)
        for shape, name in _named_shapes(one)
    ]
    layers: dict[str, list[Shape]] = {}
    colors: dict[str, str] = {}
    # What is drawn last is in front: captions are behind, the surest boxes before the others.
    for shape, color, name in sorted(shapes, key=lambda one: _sureness(one[0])):
        layers.setdefault(name, []).append(shape)
        colors[name] = color
    return drawn_media(predictions[0].example.media, layers, colors)


def drawn_name(image: str) -> str:
    """The name of the drawn image: ``a.jpg`` keeps its own, ``a.webp`` is drawn as ``a.webp.png``."""
    return image if PurePosixPath(image).suffix.lower() in _KEPT else f"{image}.png"


def name_beside(image: str) -> str:
    """The name of a drawn image that may be next to the image itself, such as ``a.answer.jpg``."""
    name = PurePosixPath(drawn_name(image))
    return f"{name.stem}.answer{name.suffix}"


def check_target(target: Path, image: Path) -> None:
    """Refuse a place where a drawn image cannot go: the image itself, or a file with another ending."""
    if target.exists() and target.samefile(image):
        raise InputError(f"--drawn {target}: this is the image that is asked about. Name another file.")
    Image.init()
    if Image.EXTENSION.get(target.suffix.lower()) not in Image.SAVE:
        raise InputError(
            f"--drawn {target}: images with this ending cannot be written. Name a .png or .jpg file."
        )


def save_drawn(predictions: Sequence[Prediction], target: Path) -> Path:
    """Draw one image's answers into a file, whose folder is made."""
    try:
        make_folder(target.parent)
        draw_predictions(predictions).save(target, quality=QUALITY)
    except OSError as error:
        raise RunError(
            f"{target}: the drawn image cannot be written ({error}). Choose another place."
        ) from error
    return target


def _named_shapes(one: Prediction) -> Iterator[tuple[Shape, str]]:
    task = task_of(one.example)
    for value in (one.answer.value, one.answer.other):
        for shape in task.canonical(value, one.example).shapes() if value is not None else ():
            # Of several names to choose from, its own says what it is.
            named = shape.kind == "caption" or (shape.text and one.example.options)
            said = shape.text if named else one.example.question
            short = said if len(said) <= _LONGEST else said[: _LONGEST - 3] + "..."
            yield shape, short + (f" {shape.score:.2f}" if shape.score is not None else "")


def _sureness(shape: Shape) -> float:
    if shape.kind == "caption":
        return 0.0
    return 1.0 if shape.score is None else shape.score
