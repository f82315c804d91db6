"""Oxford Flowers 102, Table 2: 8189 pictures, CoOp's split, since the original's training part is small."""

from __future__ import annotations

from pathlib import Path

from scipy.io import loadmat

from vrft.benchmarks.class_originals import Entries, differing, from_split_file
from vrft.benchmarks.suite import Download, Suite, class_names

_PAGE = "the Visual Geometry Group's page of the data set, www.robots.ox.ac.uk/~vgg/data/flowers/102"
_NAMES = class_names("flowers102")


def _compare(base: Path, entries: Entries) -> list[str]:
    numbers = loadmat(base / "imagelabels.mat", squeeze_me=True)["labels"].ravel().tolist()
    # Class names are CoOp's, in the order of the numbers; a picture's number is in its name.
    official = {f"image_{i:05d}.jpg": _NAMES[int(number) - 1] for i, number in enumerate(numbers, 1)}
    return differing(entries, official, "imagelabels.mat")


SUITE = Suite(
    name="flowers102",
    title="Oxford Flowers 102",
    table="2",
    recipe="table2_flowers102_2b",
    task="classification",
    downloads=(
        Download("102flowers.tgz", _PAGE, "jpg/", "md5:52808999861908f626f3c1f4e79d11fa"),
        Download("imagelabels.mat", _PAGE, "imagelabels.mat", "md5:e0620be6f572b9609742df49c70aed4d"),
        Download(
            "split_zhou_OxfordFlowers.json",
            "DATASETS.md of the CoOp repository, github.com/KaiyangZhou/CoOp",
            "split_zhou_OxfordFlowers.json",
        ),
    ),
    needs=(("jpg",), ("imagelabels.mat",), ("split_zhou_OxfordFlowers.json",)),
    below=("oxford_flowers", "flowers-102"),
    open=from_split_file("split_zhou_OxfordFlowers.json", _compare),
    counts={"train pictures": 4093, "val pictures": 1633, "test pictures": 2463},
    classes=_NAMES,
    shots=4,
    splits="Training, validation and test part are CoOp's, and so the paper's test pictures. "
    "The paper's own shots are not published as a list: ours are drawn by seed, nested.",
)
