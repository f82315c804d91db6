"""Oxford-IIIT Pets, Table 2: CoOp's split, whose test part is the original one."""

from __future__ import annotations

from pathlib import Path

from vrft.benchmarks.class_originals import Entries, differing, from_split_file
from vrft.benchmarks.suite import Download, Suite, class_names

_PAGE = "the Visual Geometry Group's page of the data set, www.robots.ox.ac.uk/~vgg/data/pets"


def _official(file: Path) -> dict[str, str]:
    """Class by picture; a line is 'Abyssinian_100 1 1 1', and the class is the name without its number."""
    names = [line.split()[0] for line in file.read_text("utf-8").splitlines() if line.strip()]
    return {f"{name}.jpg": name.rsplit("_", 1)[0].lower() for name in names}


def _compare(base: Path, entries: Entries) -> list[str]:
    lists = {"test.txt": ("test",), "trainval.txt": ("train", "val")}
    told: list[str] = []
    for name, parts in lists.items():
        own = {part: entries.get(part, ()) for part in parts}
        told += differing(own, _official(base / "annotations" / name), name)
    return told


SUITE = Suite(
    name="pets37",
    title="Oxford-IIIT Pets",
    table="2",
    recipe="table2_pets37_2b",
    task="classification",
    downloads=(
        Download("images.tar.gz", _PAGE, "images/", "md5:5c4f3ee8e5d25df40f4fd59a7f44e54c"),
        Download("annotations.tar.gz", _PAGE, "annotations/", "md5:95a8c909bbe2e81eed6a22bccdf3f68f"),
        Download(
            "split_zhou_OxfordPets.json",
            "DATASETS.md of the CoOp repository, github.com/KaiyangZhou/CoOp",
            "split_zhou_OxfordPets.json",
        ),
    ),
    needs=(
        ("images",),
        ("annotations/trainval.txt",),
        ("annotations/test.txt",),
        ("split_zhou_OxfordPets.json",),
    ),
    below=("oxford_pets", "oxford-iiit-pet"),
    open=from_split_file("split_zhou_OxfordPets.json", _compare),
    counts={"train pictures": 2944, "val pictures": 736, "test pictures": 3669},
    classes=class_names("pets37"),
    shots=4,
    splits="Training, validation and test part are CoOp's; its test part is test.txt, as in the paper. "
    "The paper's own shots are not published as a list: ours are drawn by seed, nested.",
)
