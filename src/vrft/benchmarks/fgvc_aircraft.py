"""FGVC-Aircraft 2013b, Table 2: variants, in the original's three parts."""

from __future__ import annotations

from pathlib import Path

from vrft.benchmarks.class_originals import ClassLabels
from vrft.benchmarks.suite import PARTS, Download, Suite, class_names
from vrft.data.formats.coop_split import SplitEntry
from vrft.data.label_checks import raise_all
from vrft.errors import LabelError


def _open(base: Path) -> ClassLabels:
    names = [line.strip() for line in (base / "variants.txt").read_text("utf-8").splitlines() if line.strip()]
    numbers = {name: number for number, name in enumerate(names)}
    entries: dict[str, list[SplitEntry]] = {}
    mistakes: list[LabelError] = []
    for part in PARTS:
        file = base / f"images_variant_{part}.txt"
        entries[part] = []
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            # '1025794 707-320': the variant may hold spaces.
            picture, _, name = line.strip().partition(" ")
            if name in numbers:
                entries[part].append(SplitEntry(f"images/{picture}.jpg", numbers[name], name))
            elif line.strip():
                problem = f"The variant '{name}' is not in variants.txt."
                mistakes.append(LabelError(problem, f"{file}, line {number}", "Fetch the archive again."))
    raise_all(mistakes)
    return ClassLabels(base, entries)


SUITE = Suite(
    name="fgvc_aircraft",
    title="FGVC-Aircraft",
    table="2",
    recipe="table2_fgvc_aircraft_2b",
    task="classification",
    downloads=(
        Download(
            "fgvc-aircraft-2013b.tar.gz",
            "the Visual Geometry Group's page of the data set, www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft",
            "fgvc-aircraft-2013b/data/",
        ),
    ),
    needs=(("images",), ("variants.txt",), *((f"images_variant_{part}.txt",) for part in PARTS)),
    below=("data", "fgvc-aircraft-2013b/data", "fgvc_aircraft"),
    open=_open,
    counts={"train pictures": 3334, "val pictures": 3333, "test pictures": 3333},
    classes=class_names("fgvc_aircraft"),
    shots=4,
    splits="The parts are the original ones, which CoOp and the paper take as they are. "
    "The paper's own shots are not published as a list: ours are drawn by seed, nested.",
)
