"""Stanford Cars, Table 2: CoOp's split, whose test part is the original one; names begin with the year."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from vrft.benchmarks.class_originals import Entries, differing, from_split_file
from vrft.benchmarks.suite import Download, Suite, class_names

_PAGE = "the page of the data set, ai.stanford.edu/~jkrause/cars/car_dataset.html, or one of its copies"
_TEST = "cars_test_annos_withlabels.mat"


def year_first(name: str) -> str:
    """A class name as CoOp writes it.

    Args:
        name: as in cars_meta.mat.

    Example:
        >>> year_first("AM General Hummer SUV 2000")
        '2000 AM General Hummer SUV'
    """
    model, _, year = name.rpartition(" ")
    return f"{year} {model}"


def _official(folder: str, file: Path, names: list[str]) -> dict[str, str]:
    rows = np.atleast_1d(loadmat(file, squeeze_me=True)["annotations"])
    return {f"{folder}/{row['fname']}": names[int(row["class"]) - 1] for row in rows}


def _compare(base: Path, entries: Entries) -> list[str]:
    listed = np.atleast_1d(loadmat(base / "devkit" / "cars_meta.mat", squeeze_me=True)["class_names"])
    names = [year_first(str(name)) for name in listed]
    learn = {part: entries.get(part, ()) for part in ("train", "val")}
    train = _official("cars_train", base / "devkit" / "cars_train_annos.mat", names)
    test = _official("cars_test", base / _TEST, names)
    return differing(learn, train, "cars_train_annos.mat") + differing(
        {"test": entries.get("test", ())}, test, _TEST
    )


SUITE = Suite(
    name="stanford_cars",
    title="Stanford Cars",
    table="2",
    recipe="table2_stanford_cars_2b",
    task="classification",
    downloads=(
        Download("cars_train.tgz", _PAGE, "cars_train/", "md5:065e5b463ae28d29e77c1b4b166cfe61"),
        Download("cars_test.tgz", _PAGE, "cars_test/", "md5:4ce7ebf6a94d07f1952d94dd34c4d501"),
        Download("car_devkit.tgz", _PAGE, "devkit/", "md5:c3b158d763b6e2245038c8ad08e45376"),
        Download(_TEST, _PAGE, _TEST, "md5:b0a2b23655a3edd16d84508592a98d10"),
        Download(
            "split_zhou_StanfordCars.json",
            "DATASETS.md of the CoOp repository, github.com/KaiyangZhou/CoOp",
            "split_zhou_StanfordCars.json",
        ),
    ),
    needs=(
        ("cars_train",),
        ("cars_test",),
        ("devkit/cars_meta.mat",),
        ("devkit/cars_train_annos.mat",),
        (_TEST,),
        ("split_zhou_StanfordCars.json",),
    ),
    below=("stanford_cars",),
    open=from_split_file("split_zhou_StanfordCars.json", _compare),
    counts={"train pictures": 6509, "val pictures": 1635, "test pictures": 8041},
    classes=class_names("stanford_cars"),
    shots=4,
    splits="Training, validation and test part are CoOp's; its test part is the original one, as in the "
    "paper. The paper's own shots are not published as a list: ours are drawn by seed, nested.",
)
