"""What label files say: media with annotations, exactly as far as they are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from vrft.errors import InputError
from vrft.types.media import Image, Medium
from vrft.types.names import nfc
from vrft.types.values import Value

About = Literal["image", "phrase", "question", "category"]
"""What an annotation is about: the whole image (its class), a phrase, a free question, or a category."""
Provides = tuple[str, str]
"""What a reader provides and a task needs: what an annotation is about, and the kind of its value."""
_WORDS: Mapping[Provides, str] = {
    ("category", "boxes"): "boxes of categories",
    ("category", "number"): "counts of categories",
    ("category", "boxes3d"): "boxes in space of categories",
    ("category", "points"): "points on things of categories",
    ("category", "regions"): "objects of categories",
    ("category", "tracks"): "things of categories with boxes through images",
    ("image", "number"): "a count for each image",
    ("image", "label"): "a class for each image",
    ("phrase", "boxes"): "phrases with boxes",
    ("phrase", "boxes3d"): "phrases with boxes in space",
    ("phrase", "points"): "phrases with points",
    ("phrase", "regions"): "phrases with objects",
    ("phrase", "tracks"): "phrases with boxes through images",
    ("question", "action"): "instructions with actions",
    ("question", "label"): "questions with short answers",
    ("question", "text"): "questions with answers in words",
    ("image", "text"): "the text of each image",
    ("question", "number"): "questions with numbers",
    ("question", "names"): "questions with sets of names",
    ("image", "names"): "a set of names for each image",
    ("question", "permutation"): "questions with orders",
    ("question", "time_span"): "questions with times",
}
V = TypeVar("V", bound=Value)


def first_met(
    needs: Iterable[frozenset[Provides]], *given: AbstractSet[Provides]
) -> frozenset[Provides] | None:
    """The first of several needs that one of several sets of labels meets in full; None where none does."""
    return next((wanted for wanted in needs if any(wanted <= labels for labels in given)), None)


def provided(records: Iterable[Record]) -> frozenset[Provides]:
    """All that the annotations of some records say."""
    return frozenset(one.provides for record in records for one in record.annotations)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One thing that a label file says.

    Args:
        about: what it is about.
        name: the category, phrase or question; empty where it is about the whole image, and of a part of it
            the part's corners.
        value: what is said of it, in pixels of the file. Of a category each instance has an annotation of its
            own, with one box.
        counts: False where it counts neither for nor against: crowds (COCO ``iscrowd``), VOC's ``difficult``,
            ignored regions.
    """

    about: About
    name: str
    value: Value
    counts: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", nfc(self.name))

    @property
    def provides(self) -> Provides:
        """What it can be asked for."""
        return (self.about, self.value.kind)


@dataclass(frozen=True)
class Record:
    """One image, sequence or clip with all that its labels say."""

    id: str
    """Unique and stable within the dataset."""
    media: tuple[Medium, ...]
    annotations: tuple[Annotation, ...] = ()
    absent: tuple[str, ...] | None = None
    """Categories looked for and not there (LVIS); None where all that is not labelled is absent."""
    not_exhaustive: tuple[str, ...] = ()
    """Categories of which not every instance is labelled (LVIS)."""
    unknown: tuple[str, ...] = ()
    """Categories of a label that could not be read, or has no box: nothing is known of them here. The empty
    name is that of a region without a category, which may be of any."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What only one task understands, as plain JSON."""

    def __post_init__(self) -> None:
        if self.absent:
            object.__setattr__(self, "absent", tuple(map(nfc, self.absent)))
        if self.not_exhaustive:
            object.__setattr__(self, "not_exhaustive", tuple(map(nfc, self.not_exhaustive)))
        if self.unknown:
            object.__setattr__(self, "unknown", tuple(map(nfc, self.unknown)))

    @property
    def image(self) -> Image:
        """The one image."""
        return only_image(self.media, self.id)

    def about(self, about: About, kind: type[V]) -> Iterator[tuple[Annotation, V]]:
        """The annotations about something whose value is of a kind, each with that value.

        Example:
            >>> from pathlib import Path
            >>> from vrft.types import Boxes
            >>> cup = Annotation("category", "cup", Boxes(((0.0, 0.0, 9.0, 9.0),)))
            >>> record = Record("a", (Image(Path("a.png"), (64, 48)),), (cup,))
            >>> [(one.name, value.xyxy_px) for one, value in record.about("category", Boxes)]
            [('cup', ((0.0, 0.0, 9.0, 9.0),))]
        """
        for one in self.annotations:
            if one.about == about and isinstance(one.value, kind):
                yield one, one.value

    @property
    def categories(self) -> frozenset[str]:
        """The categories that some annotation is about, crowds included."""
        return frozenset(one.name for one in self.annotations if one.about == "category")

    def is_unknown(self, category: str) -> bool:
        """Whether some label of this category, or of none, was not read here."""
        return category in self.unknown or "" in self.unknown

    def known(self, categories: AbstractSet[str]) -> set[str]:
        """Those categories of which the labels say all there is: only they may be asked for 'nothing', or
        counted.

        Not one with a crowd region, since crowds are no single objects; not one of which a label was not
        read; not one that is not labelled exhaustively; and, where the record lists what is absent, not one
        that is neither labelled nor listed.
        """
        if "" in self.unknown:
            return set()
        listed = categories if self.absent is None else categories & (self.categories | set(self.absent))
        uncounted = {one.name for one in self.annotations if one.about == "category" and not one.counts}
        return set(listed) - set(self.not_exhaustive) - set(self.unknown) - uncounted


def in_words(provides: Iterable[Provides]) -> str:
    """Kinds of labels as messages name them."""
    return ", ".join(
        _WORDS.get((about, kind), f"a {kind} for each {about}") for about, kind in sorted(provides)
    )


def only_image(media: tuple[Medium, ...], where: str) -> Image:
    """The one image among media."""
    if len(media) == 1 and isinstance(media[0], Image):
        return media[0]
    kinds = ", ".join(medium.kind for medium in media) or "nothing"
    raise InputError(
        f"'{where}' shows {kinds}, where one image was expected. Use images one by one here, or a format or "
        "function that takes several."
    )
