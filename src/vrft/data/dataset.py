"""A dataset read from disk, and how its reader is found.

A reader is one file in ``vrft.data.formats`` that defines ``READER``, or an entry point of another package in
the group of this name; ``load_dataset`` asks each what it finds. A reader derived from another one is for a
special case of that format and goes before it.

What a folder is read as follows from all that lies in it. A folder whose only labelled content is one
folder is read as that one. Several readings, or several labelled folders side by side, are an error, which
names them and what decides: the task, a path, or ``data.format``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol, cast, get_args

from vrft.data.box_causes import cause_of
from vrft.data.conventions import check_coordinates
from vrft.data.data_options import ReadOptions
from vrft.data.dataset_notes import contradictions, notes_on
from vrft.data.images import holds, images_below, is_image, subfolders
from vrft.data.label_checks import Mistakes, part_of, parts_by_folder, raise_all, record_of, some
from vrft.data.no_labels import IMAGES_INSIDE, LABEL_ENDINGS, no_labels
from vrft.errors import BoxError, Contradiction, ImageError, InputError, LabelError
from vrft.tasks.number_format import upper_first
from vrft.types import About, Label, Provides, Record, Value, in_words
from vrft.types.options import did_you_mean
from vrft.types.plugins import discover

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
        return frozenset(one.provides for record in self.records for one in record.annotations)

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


class Reader(Protocol):
    """One way in which people keep labelled images."""

    name: str
    provides: Mapping[Provides, str]
    """What its labels can say, each with what it looks for as a noun phrase for messages."""
    in_files: bool
    """Labels are in label files; these go before labels that are names of folders."""

    def detects(self, path: Path) -> frozenset[Provides]:
        """What a folder or file says that this reader can read; empty where it does not know it."""

    def read(self, path: Path, needs: frozenset[Provides]) -> Dataset:
        """Read what is needed of what it detects there; LabelError where nothing of it can be read.

        A label or image that is wrong costs that one alone (``Mistakes``): it is listed in ``left_out``,
        and a label's category is unknown on its image.
        """


class OpenReader(Reader, Protocol):
    """A reader of labels that leave something open."""

    open_to: frozenset[str]
    """Keys of ``ReadOptions``: 'coordinates', 'box_order'. Numbers of which nothing is said are pixels, or
    what a reader has as ``coordinates``."""

    def read(self, path: Path, needs: frozenset[Provides], options: ReadOptions | None = None) -> Dataset:
        """As ``Reader.read``, with what was left open."""


class LeadingReader(Reader, Protocol):
    """A reader of labels that can be read in several ways, of which one is the usual."""

    def leading(self, path: Path, given: frozenset[Provides]) -> frozenset[Provides]:
        """What is read of all that is detected where nothing particular is needed."""


def readers() -> tuple[Reader, ...]:
    """All readers, by name."""
    return tuple(
        sorted(discover("vrft.data.formats", "READER", "vrft.data.formats"), key=lambda reader: reader.name)
    )


def load_dataset(
    path: Path | str, needs: Iterable[Provides] | None = None, options: ReadOptions | None = None
) -> Dataset:
    """Read a folder of labelled images in whichever known format it has.

    A label or an image that cannot be used is left out, and a box over the border is clipped: the dataset
    lists them, and a sentence among its warnings counts them.

    Args:
        path: a folder, or a label file.
        needs: what the labels must say (``Task.needs``); needed only where a folder says several things.
            Empty: any image will do, labelled or not.
        options: what the labels leave open, and whether what would be left out or clipped is refused.

    Raises:
        LabelError: no image or no labels are there, several readings fit, two labels contradict each other,
            more than a fifth would be left out, or a label is wrong and this is strict.
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
        known = _named(options.format, known)
    if not path.exists():
        raise LabelError("There is no such folder or file.", str(path), "Check the path.")
    if wanted == frozenset():
        return _images_alone(path).settled(options.strict)
    place, fits = _located(path, known)
    reader, chosen = _chosen(place, fits, wanted)
    open_to: frozenset[str] = getattr(reader, "open_to", frozenset())
    _check_options(reader.name, open_to, options)
    read = cast(OpenReader, reader).read(place, chosen, options) if open_to else reader.read(place, chosen)
    dataset = without_ignored(read)
    raise_all([one for one in dataset.left_out if isinstance(one, Contradiction)])
    raise_all(contradictions(dataset.records, place))
    in_pixels = getattr(reader, "coordinates", "pixels") == "pixels"
    if options.coordinates is None and "coordinates" in open_to and in_pixels:
        check_coordinates(dataset.records, (*dataset.left_out, *dataset.fixed), str(place))
    dataset = dataset.settled(options.strict)
    if not dataset.records:
        raise LabelError("It holds no image.", str(place), f"Expected: {_wants([reader], chosen)}.")
    inner = () if place == path else (f"The labels are those of the folder '{place.relative_to(path)}'.",)
    return replace(dataset, warnings=(*inner, *dataset.warnings, *notes_on(dataset.records, dataset.root)))


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


_Fit = tuple[Reader, frozenset[Provides]]


def _check_options(name: str, open_to: AbstractSet[str], options: ReadOptions) -> None:
    """Refuse what the labels of a format do not leave open."""
    for key in ("coordinates", "box_order"):
        if getattr(options, key) is not None and key not in open_to:
            raise InputError(f"data.{key}: labels in the format {name} say this themselves. Leave it out.")


def _named(name: str, known: Sequence[Reader]) -> tuple[Reader, ...]:
    named = tuple(reader for reader in known if reader.name == name)
    if not named:
        names = [reader.name for reader in known]
        raise InputError(
            f"There is no format '{name}' of labels.{did_you_mean(name, names)} Choose one of: "
            f"{', '.join(names)}."
        )
    return named


def _located(path: Path, known: Sequence[Reader]) -> tuple[Path, list[_Fit]]:
    """The labelled folder or file, which may be the only labelled folder in the path, and who can read it."""
    fits = _fitting(path, known)
    inner = _labelled_folders(path, known, in_files=bool(fits))
    if not fits and not inner:
        for folder in subfolders(path):
            inner |= _labelled_folders(folder, known, in_files=False)
    formats = {reader.name for own in inner.values() for reader, _ in own}
    by_names = bool(fits) and not any(reader.in_files for reader, _ in fits)
    # Parts of one dataset are in one format, which is then also that of the whole.
    if (len(inner) > 1 and (not fits or len(formats) > 1)) or (inner and by_names):
        listed = some([f"{p.name} ({', '.join(r.name for r, _ in own)})" for p, own in inner.items()])
        also = f", or as {fits[0][0].name} of folder names" if by_names else ""
        problem = f"It holds labelled folders: {listed}{also}."
        fix = f"Give the path of one, such as '{next(iter(inner))}'"
        raise LabelError(problem, str(path), fix + (f", or --format {fits[0][0].name}." if by_names else "."))
    # Of exports side by side, the one whose format was named.
    only = next(iter(inner.items())) if len(inner) == 1 else None
    if only is not None and (not fits or (len(known) == 1 and not part_of(only[0].name))):
        return only
    if fits:
        return path, fits
    if len(known) == 1:
        (named,) = known
        expected = "; ".join(named.provides.values())
        raise LabelError(f"It does not read as {named.name}.", str(path), f"Expected: {expected}.")
    raise no_labels(path, {reader.name: list(reader.provides.values()) for reader in known})


def _labelled_folders(path: Path, known: Sequence[Reader], in_files: bool) -> dict[Path, list[_Fit]]:
    """The folders in a folder that hold images and labels, with who can read each.

    Args:
        path: a folder; a file has none.
        known: the readers.
        in_files: labels that are names of folders do not count.
    """
    found: dict[Path, list[_Fit]] = {}
    for folder in subfolders(path):
        if in_files and not holds(folder, lambda file: file.suffix.lower() in LABEL_ENDINGS):
            continue
        fits = [fit for fit in _fitting(folder, known) if fit[0].in_files or not in_files]
        # Label files without images are those of images elsewhere; parquet holds its images itself.
        if fits and (not in_files or holds(folder, lambda f: is_image(f) or f.suffix in IMAGES_INSIDE)):
            found[folder] = fits
    return found


def _fitting(path: Path, known: Sequence[Reader]) -> list[_Fit]:
    """The readers that know a path, with what each finds there."""
    found = [(reader, given) for reader in known if (given := reader.detects(path))]
    # A folder of images next to a label file looks like a class, so label files go first.
    found = [fit for fit in found if fit[0].in_files] or found
    general = {kind for reader, _ in found for kind in type(reader).__mro__[1:]}
    return [fit for fit in found if type(fit[0]) not in general]


def _chosen(path: Path, fits: Sequence[_Fit], needs: frozenset[Provides] | None) -> _Fit:
    if needs is None:
        fits = [(reader, _leading(reader, path, given)) for reader, given in fits]
    pairs = [(reader, pair) for reader, given in fits for pair in sorted(given)]
    chosen = [(reader, frozenset([pair])) for reader, pair in pairs]
    if needs is not None:
        chosen = [(reader, needs) for reader, given in fits if needs <= given]
    read_as = " and ".join(
        f"{reader.name} (for {in_words([pair])}{_classes(reader, path)})" for reader, pair in pairs
    )
    if not chosen:
        assert needs is not None
        add = f"Choose a task for {in_words([pairs[0][1]])}, or add {_wants(readers(), needs)}."
        raise LabelError(f"It has no labels for {in_words(needs)}; it reads as {read_as}.", str(path), add)
    if len(chosen) > 1:
        names = list(dict.fromkeys(reader.name for reader, _ in chosen))
        alike = len({given for _, given in chosen}) == 1
        by_name = f"name the format: --format {' or --format '.join(names)} (data.format)"
        fix = "Give the path of the one label file to read" if alike else "Name the task"
        fix = f"{fix}, or {by_name}" if len(names) > 1 else fix
        fix = fix if any(reader.in_files for reader, _ in chosen) else upper_first(by_name)
        raise LabelError(f"It reads as {read_as}.", str(path), f"{fix}.")
    return chosen[0]


def _leading(reader: Reader, path: Path, given: frozenset[Provides]) -> frozenset[Provides]:
    several = len(given) > 1 and hasattr(reader, "leading")
    return cast(LeadingReader, reader).leading(path, given) if several else given


def _classes(reader: Reader, path: Path) -> str:
    """The first classes that a reader of folder names would read, with a colon before them."""
    named = getattr(reader, "class_names", lambda path: ())(path)
    return f": {some(named, 3)}" if named else ""


def _wants(known: Sequence[Reader], needs: frozenset[Provides]) -> str:
    """What readers of labels look for; tables can hold any value."""
    wants = [reader.provides[pair] for reader in known for pair in sorted(needs) if pair in reader.provides]
    kind = min(needs)[1]
    return (
        "; ".join(wants) or f'a .jsonl file with "image" and "target" {{"kind": "{kind}", ...}} on each line'
    )


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
