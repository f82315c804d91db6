"""A data set read from disk, and how its reader is found.

A reader is one file in this folder that defines ``READER``, or ``READERS`` where a format serves several
tasks; ``load_dataset`` asks each whether it knows the folder. A reader derived from another one is for a
special case of that format and goes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol

from vrft.errors import InputError, LabelError
from vrft.types import Record


@dataclass(frozen=True)
class Dataset:
    """What a folder of labelled pictures holds."""

    root: Path
    format: str
    """Name of the reader that read it."""
    records: tuple[Record, ...]
    warnings: tuple[str, ...] = ()
    """Sentences about what was mended, not read, or read by a rule that a user should know."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Record ids that the data set gives to a part: 'train', 'val' or 'test'."""
    frequencies: Mapping[str, str] = field(default_factory=dict)
    """Categories with LVIS's classes of frequency: 'r' rare, 'c' common, 'f' frequent."""

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of all classes that label something, sorted."""
        boxed = {box.category for record in self.records for box in record.boxes}
        return tuple(sorted(boxed | {r.category for r in self.records if r.category is not None}))


class Reader(Protocol):
    """One way in which people keep labelled pictures."""

    name: str
    task: str
    """The task that its labels serve."""
    wants: str
    """What it looks for, as a noun phrase for messages."""
    in_files: bool
    """Labels stand in label files; these go before labels told by folder names alone."""

    def detects(self, path: Path) -> bool:
        """Whether this reader knows the folder or file."""
        ...

    def read(self, path: Path) -> Dataset:
        """Read it, or raise LabelError."""
        ...


def readers() -> tuple[Reader, ...]:
    """All readers of this folder, by name.

    Example:
        >>> print(*sorted({reader.name for reader in readers()}))
        box_rows class_folders class_rows coco coop_split expressions hf_disk label_studio lvis reasonseg ...
    """
    package = import_module("vrft.data.formats")
    modules = [import_module(f"{package.__name__}.{m.name}") for m in iter_modules(package.__path__)]
    found: list[Reader] = [module.READER for module in modules if hasattr(module, "READER")]
    found += [reader for module in modules for reader in getattr(module, "READERS", ())]
    return tuple(sorted(found, key=lambda reader: (reader.name, reader.task)))


def load_dataset(path: Path | str, task: str | None = None) -> Dataset:
    """Read a folder of labelled pictures in whichever known form it has.

    Args:
        path: a folder, or a label file.
        task: ``detection``, ``classification`` or ``grounding``; needed only where a folder serves several.

    Returns:
        The data set, with at least one record.

    Raises:
        LabelError: nothing is there, no labels are found, or a label is wrong.
        InputError: no reader serves such a task.
    """
    path = Path(path)
    known = readers()
    if task is not None and task not in {reader.task for reader in known}:
        tasks = ", ".join(sorted({reader.task for reader in known}))
        raise InputError(f"There are no labels for the task '{task}'. Choose one of: {tasks}.")
    if not path.exists():
        raise LabelError("There is no such folder or file.", str(path), "Check the path.")
    fits = [reader for reader in known if reader.detects(path)]
    # A folder of pictures beside a label file looks like a class, so label files go first.
    fits = [reader for reader in fits if reader.in_files] or fits
    fits = [reader for reader in fits if not any(_is_special_case(other, reader) for other in fits)]
    if not fits:
        wanted = "; ".join(f"for {reader.task}, {reader.wants}" for reader in known)
        raise LabelError("A folder without labels.", str(path), f"Looked for: {wanted}.")
    chosen = [reader for reader in fits if task in {None, reader.task}]
    read_as = " and ".join(f"{reader.name} (for {reader.task})" for reader in fits)
    if not chosen:
        wanted = "; ".join(reader.wants for reader in known if reader.task == task)
        raise LabelError(
            f"It has no labels for {task}; it reads as {read_as}.",
            str(path),
            f"Choose the task {fits[0].task}, or add {wanted}.",
        )
    if len(chosen) > 1:
        alike = len({reader.task for reader in chosen}) == 1
        mend = "Give the path of the one label file that is meant" if alike else "Say which task is meant"
        raise LabelError(f"It reads as {read_as}.", str(path), f"{mend}.")
    dataset = chosen[0].read(path)
    if not dataset.records:
        raise LabelError("There is no picture in it.", str(path), f"Expected: {chosen[0].wants}.")
    return dataset


def _is_special_case(reader: Reader, of: Reader) -> bool:
    return type(reader) is not type(of) and isinstance(reader, type(of))
