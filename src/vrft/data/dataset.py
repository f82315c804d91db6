"""A dataset read from disk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from vrft.data.box_causes import cause_of
from vrft.data.conventions import check_coordinates
from vrft.data.data_options import ReadOptions
from vrft.data.dataset_notes import contradictions, notes_on, without_contradicted
from vrft.data.images import images_below
from vrft.data.label_checks import Mistakes, parts_by_folder, raise_all, record_of, some
from vrft.data.readers import (
    OpenReader,
    choose_reader,
    locate_labels,
    reader_named,
    readers,
    wanted_labels,
)
from vrft.errors import BoxError, Contradiction, ImageError, InputError, LabelError
from vrft.types import About, Label, Provides, Record, Value, in_words, provided

if TYPE_CHECKING:
    from vrft.tasks.task import Task

MOST_LEFT_OUT = 0.2
"""Share of the labels, or of the images, above which what is left is not the dataset that was meant."""
_IGNORED = re.compile(r"_*(ignored?([ _-]*(regions?|areas?))?|don'?t[ _-]*care)_*", re.IGNORECASE)
"""Names by which label files mark regions that nobody labelled (VisDrone, KITTI, labelme)."""


@dataclass(frozen=True)
class Dataset:
    """What a folder of labelled images holds."""

    root: Path
    format: str
    """Name of the reader that read it."""
    records: tuple[Record, ...]
    warnings: tuple[str, ...] = ()
    """Sentences about what was fixed, not read, or read by a rule that a user should know."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Record ids that the dataset gives to a part: 'train', 'val' or 'test'."""
    frequencies: Mapping[str, str] = field(default_factory=dict)
    """Categories with LVIS's classes of frequency: 'r' rare, 'c' common, 'f' frequent."""
    left_out: tuple[LabelError, ...] = ()
    """Labels and images that cannot be used, each with its place. A category of which a label was left out is
    unknown on that image (``Record.unknown``)."""
    fixed: tuple[LabelError, ...] = ()
    """Labels that were kept in part: boxes clipped to their images, corners put in order, masks not read."""
    gone: frozenset[str] = frozenset()
    """Ids of records that were left out because of their images, after the labels were read."""

    @cached_property
    def provides(self) -> frozenset[Provides]:
        return provided(self.records)

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Names of all classes that label something, sorted."""
        boxed = {name for record in self.records for name in record.categories}
        whole = {value.name for record in self.records for _, value in record.about("image", Label)}
        return tuple(sorted(boxed | whole))

    @property
    def summary(self) -> str:
        """A sentence about what was left out or fixed; empty where nothing was."""
        odd = (*self.left_out, *self.fixed)
        if not odd:
            return ""
        shares = [f"{len(lost)} of {total} {what}" for what, (lost, total) in self._lost().items() if lost]
        fixed = "fixed" if self.left_out else "Fixed"
        done = {f"Left out {' and '.join(shares)}": self.left_out, fixed: self.fixed}
        counted = {what: Counter(one.kind for one in ones) for what, ones in done.items() if ones}
        listed = [
            f"{what}: {', '.join(f'{kind} ({n})' for kind, n in kinds.items())}"
            for what, kinds in counted.items()
        ]
        first = f"the first is {odd[0].where}: {odd[0].problem}"
        return f"{'; '.join([*listed, first])} 'vrft check' lists all, --strict refuses them."

    def settled(self, strict: bool = False) -> Dataset:
        """The same with the summary among its warnings.

        Args:
            strict: refuse anything that was left out or fixed.

        Raises:
            LabelError: more than a fifth of the labels or images were left out, or of the boxes do not fit
                for one reason; or anything at all is odd and this is strict.
        """
        odd = [*self.left_out, *self.fixed]
        for what, (lost, total) in self._lost().items():
            if len(lost) > MOST_LEFT_OUT * total:
                share = f"{len(lost)} of {total} {what}"
                raise_all(odd, f"{share} would be left out, more than {MOST_LEFT_OUT:.0%}.")
        boxes = [one for one in odd if isinstance(one, BoxError)]
        cause = cause_of(boxes) if len(boxes) > MOST_LEFT_OUT * self._lost()["labels"][1] else None
        if cause is not None:
            raise_all(odd, f"{cause.message}. {cause.fix}")
        if strict:
            raise_all(odd)
        return replace(self, warnings=(*self.warnings, self.summary)) if odd else self

    def without(self, mistakes: Mapping[str, LabelError], strict: bool = False) -> Dataset:
        """The same without images that turned out to be of no use.

        Args:
            mistakes: what is wrong with them, by record id.
            strict: refuse them.

        Raises:
            LabelError: as ``settled``.
        """
        if not mistakes:
            return self
        return replace(
            self,
            records=tuple(record for record in self.records if record.id not in mistakes),
            parts={name: part for name, part in self.parts.items() if name not in mistakes},
            left_out=(*self.left_out, *mistakes.values()),
            gone=self.gone | mistakes.keys(),
            warnings=tuple(sentence for sentence in self.warnings if sentence != self.summary),
        ).settled(strict)

    def _lost(self) -> dict[str, tuple[list[LabelError], int]]:
        """Images and labels that were left out, with how many there are in all."""
        images: list[LabelError] = [one for one in self.left_out if isinstance(one, ImageError)]
        labels = [one for one in self.left_out if not isinstance(one, ImageError)]
        n_labels = sum(len(record.annotations) for record in self.records)
        return {
            "images": (images, len(self.records) + len(images)),
            "labels": (labels, n_labels + len(labels)),
        }


def load_dataset(
    path: Path | str,
    needs: Iterable[Provides] | None = None,
    options: ReadOptions | None = None,
    or_needs: Sequence[frozenset[Provides]] = (),
) -> Dataset:
    """Read a folder of labelled images in whichever known format it has.

    A label or an image that cannot be used is left out, and a box over the border is clipped: the dataset
    lists them, and a sentence among its warnings counts them.

    Args:
        path: a folder, or a label file.
        needs: what the labels must say (``Task.needs``); needed only where a folder says several things.
            Empty: any image will do, labelled or not.
        options: what the labels leave open, and whether what would be left out or clipped is refused.
        or_needs: what will do as well, the first that the labels say (``Task.or_needs``).

    Raises:
        LabelError: no image or no labels are there, several readings fit, more than a fifth would be left
            out, or a label is wrong and this is strict.
        InputError: no label can say what is needed, or there is no format of that name.
    """
    path, options = Path(path), options or ReadOptions()
    known = readers()
    wanted = None if needs is None else frozenset(needs)
    for about, kind in wanted or ():
        if about not in get_args(About) or kind not in Value.kinds():
            given = in_words({pair for reader in known for pair in reader.provides})
            raise InputError(
                f"There are no labels of the kind '{in_words([(about, kind)])}'. Choose from: {given}."
            )
    if options.format is not None:
        known = (reader_named(options.format, known),)
    if not path.exists():
        raise LabelError("There is no such folder or file.", str(path), "Check the path.")
    if wanted == frozenset():
        return _images_alone(path).settled(options.strict)
    place, fits = locate_labels(path, known)
    reader, chosen = choose_reader(place, fits, wanted, or_needs)
    open_to: frozenset[str] = getattr(reader, "open_to", frozenset())
    _check_options(reader.name, open_to, options)
    read = cast(OpenReader, reader).read(place, chosen, options) if open_to else reader.read(place, chosen)
    dataset = without_ignored(read)
    dataset = _without_contradicted(dataset, place)
    in_pixels = getattr(reader, "coordinates", "pixels") == "pixels"
    if options.coordinates is None and "coordinates" in open_to and in_pixels:
        check_coordinates(dataset.records, (*dataset.left_out, *dataset.fixed), str(place))
    dataset = dataset.settled(options.strict)
    if not dataset.records:
        raise LabelError("It holds no image.", str(place), f"Expected: {wanted_labels([reader], chosen)}.")
    inner = () if place == path else (f"The labels are those of the folder '{place.relative_to(path)}'.",)
    return replace(dataset, warnings=(*inner, *dataset.warnings, *notes_on(dataset.records, dataset.root)))


def labels_for(task: Task, path: Path | str, options: ReadOptions | None = None) -> Dataset:
    """The labelled images that a task asks about, as ``load_dataset`` reads them."""
    return load_dataset(path, task.needs, options, task.or_needs)


def _without_contradicted(dataset: Dataset, place: Path) -> Dataset:
    left_out = (*dataset.left_out, *contradictions(dataset.records, place))
    found = [one for one in left_out if isinstance(one, Contradiction)]
    return replace(dataset, records=without_contradicted(dataset.records, found), left_out=left_out)


def without_ignored(dataset: Dataset) -> Dataset:
    """The same without regions that are called ignored: what they show is unknown, of whichever category."""
    names = {name for name in dataset.categories if _IGNORED.fullmatch(name.strip())}
    if not names:
        return dataset
    records: list[Record] = []
    affected: list[str] = []
    for record in dataset.records:
        if names & record.categories:
            others = tuple(
                one for one in record.annotations if one.about != "category" or one.name not in names
            )
            record = replace(record, annotations=others, unknown=(*record.unknown, ""))
            affected.append(record.id)
        records.append(record)
    says = f"No category is asked about on {len(affected)} images, which have regions called "
    says += f"'{min(names)}': {some(affected)}."
    return replace(dataset, records=tuple(records), warnings=(*dataset.warnings, says))


def _check_options(name: str, open_to: AbstractSet[str], options: ReadOptions) -> None:
    """Refuse what the labels of a format do not leave open."""
    for key in ("coordinates", "box_order"):
        if getattr(options, key) is not None and key not in open_to:
            raise InputError(f"data.{key}: labels in the format {name} say this themselves. Leave it out.")


def _images_alone(path: Path) -> Dataset:
    root, images = (path.parent, [path]) if path.is_file() else (path, list(images_below(path)))
    if not images:
        raise LabelError("It holds no image.", str(path), "Give an image or a folder of images.")
    records: list[Record] = []
    mistakes = Mistakes()
    for image in images:
        with mistakes.kept():
            records.append(record_of(image, root))
    return Dataset(root, "images", tuple(records), (), parts_by_folder(records), left_out=tuple(mistakes))
