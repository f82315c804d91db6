"""The parts of a Pascal VOC data set: ``ImageSets/Main/train.txt`` and so on, or its pictures' folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from vrft.data.label_checks import part_of, part_of_record
from vrft.errors import LabelError


def told_parts(
    records: Mapping[tuple[Path, str], str | None],
) -> tuple[list[tuple[str, str]], list[LabelError]]:
    """What the data set says about the parts of its pictures.

    Args:
        records: record ids (None where an xml could not be read) by the folder that holds 'Annotations' and
            'ImageSets', and the xml's name without its ending.

    Returns:
        Record ids with their part, once for each mention, and lines that name no labelled picture.
    """
    told: list[tuple[str, str]] = []
    wrong: list[LabelError] = []
    homes = {home for home, _ in records}
    listed: set[Path] = set()
    for home in sorted(homes):
        for file, part in _lists(home / "ImageSets" / "Main"):
            listed.add(home)
            for number, line in enumerate(file.read_text("utf-8-sig", "replace").splitlines(), 1):
                names = (line.strip(), line.strip().rsplit(maxsplit=1)[0]) if line.strip() else ()
                hits = [records[home, name] for name in names if (home, name) in records]
                told += [(name, part) for name in hits[:1] if name is not None]
                if names and not hits:
                    problem = f"'{line.strip()}' has no xml in '{home / 'Annotations'}'."
                    wrong.append(LabelError(problem, f"{file}, line {number}", "Add it or remove the line."))
    free = [name for (home, _), name in records.items() if home not in listed and name is not None]
    by_folder = [(name, part_of_record(name)) for name in free]
    return told + [(name, part) for name, part in by_folder if part], wrong


def _lists(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files 'train.txt', 'val.txt' and 'test.txt'; 'trainval.txt' only where neither of its halves is."""
    files = sorted(folder.glob("*.txt"))
    halves = [(file, part) for file in files if (part := part_of(file.stem))]
    yield from halves
    if not {"train", "val"} & {part for _, part in halves}:
        yield from ((file, "train") for file in files if file.stem == "trainval")
