"""A dataset read from disk, and how its reader is found.

A reader is one file in ``vrft.data.formats`` that defines ``READER``, or an entry point of another package in
the group of this name; ``load_dataset`` asks each what it finds. A reader derived from another one is for a
special case of that format and goes before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol, get_args

from vrft.data.images import images_below
from vrft.data.label_checks import parts_by_folder, record_of
from vrft.errors import InputError, LabelError
from vrft.types import About, Label, Provides, Record, Value, in_words
from vrft.types.plugins import discover


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

    @cached_property
    def provides(self) -> frozenset[Provides]:
        return frozenset(one.provides for record in self.records for one in record.annotations)

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Names of all classes that label something, sorted."""
        boxed = {name for record in self.records for name in record.categories}
        whole = {value.name for record in self.records for _, value in record.about("image", Label)}
        return tuple(sorted(boxed | whole))


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
        """Read what is needed of what it detects there, or raise LabelError."""


def readers() -> tuple[Reader, ...]:
    """All readers, by name."""
    return tuple(
        sorted(discover("vrft.data.formats", "READER", "vrft.data.formats"), key=lambda reader: reader.name)
    )


def load_dataset(path: Path | str, needs: Iterable[Provides] | None = None) -> Dataset:
    """Read a folder of labelled images in whichever known format it has.

    Args:
        path: a folder, or a label file.
        needs: what the labels must say (``Task.needs``); needed only where a folder says several things.
            Empty: any image will do, labelled or not.

    Raises:
        LabelError: no image or no labels are there, or a label is wrong.
        InputError: no label can say what is needed.
    """
    path = Path(path)
    known = readers()
    wanted = None if needs is None else frozenset(needs)
    for about, kind in wanted or ():
        if about not in get_args(About) or kind not in Value.kinds():
            given = in_words({pair for reader in known for pair in reader.provides})
            raise InputError(
                f"There are no labels of the kind '{in_words([(about, kind)])}'. Choose from: {given}."
            )
    if not path.exists():
        raise LabelError("There is no such folder or file.", str(path), "Check the path.")
    if wanted == frozenset():
        return _images_alone(path)
    reader, chosen = _chosen(path, _fitting(path, known), wanted)
    dataset = reader.read(path, chosen)
    if not dataset.records:
        raise LabelError("It holds no image.", str(path), f"Expected: {_wants([reader], chosen)}.")
    return dataset


_Fit = tuple[Reader, frozenset[Provides]]


def _fitting(path: Path, known: Sequence[Reader]) -> list[_Fit]:
    """The readers that know a path, with what each finds there."""
    found = [(reader, given) for reader in known if (given := reader.detects(path))]
    # A folder of images next to a label file looks like a class, so label files go first.
    found = [fit for fit in found if fit[0].in_files] or found
    general = {kind for reader, _ in found for kind in type(reader).__mro__[1:]}
    fits = [fit for fit in found if type(fit[0]) not in general]
    if not fits:
        if path.is_dir() and not any(path.iterdir()):
            raise LabelError("The folder is empty.", str(path), "Put labelled images there.")
        looked = "; ".join(f"for {in_words([p])}, {wants}" for r in known for p, wants in r.provides.items())
        raise LabelError("There are no labels that vrft can read.", str(path), f"It reads: {looked}.")
    return fits


def _chosen(path: Path, fits: Sequence[_Fit], needs: frozenset[Provides] | None) -> _Fit:
    pairs = [(reader, pair) for reader, given in fits for pair in sorted(given)]
    chosen = [(reader, frozenset([pair])) for reader, pair in pairs]
    if needs is not None:
        chosen = [(reader, needs) for reader, given in fits if needs <= given]
    read_as = " and ".join(f"{reader.name} (for {in_words([pair])})" for reader, pair in pairs)
    if not chosen:
        assert needs is not None
        add = f"Choose a task for {in_words([pairs[0][1]])}, or add {_wants(readers(), needs)}."
        raise LabelError(f"It has no labels for {in_words(needs)}; it reads as {read_as}.", str(path), add)
    if len(chosen) > 1:
        alike = len({given for _, given in chosen}) == 1
        fix = "Give the path of the one label file to read" if alike else "Name the task"
        raise LabelError(f"It reads as {read_as}.", str(path), f"{fix}.")
    return chosen[0]


def _wants(known: Sequence[Reader], needs: frozenset[Provides]) -> str:
    """What readers of labels look for; tables can hold any value."""
    wants = [reader.provides[pair] for reader in known for pair in sorted(needs) if pair in reader.provides]
    kind = min(needs)[1]
    return (
        "; ".join(wants) or f'a .jsonl file with "image" and "target" {{"kind": "{kind}", ...}} on each line'
    )


def _images_alone(path: Path) -> Dataset:
    root, images = (path.parent, [path]) if path.is_file() else (path, list(images_below(path)))
    records = tuple(record_of(image, root) for image in images)
    if not records:
        raise LabelError("It holds no image.", str(path), "Give an image or a folder of images.")
    return Dataset(root, "images", records, (), parts_by_folder(records))
