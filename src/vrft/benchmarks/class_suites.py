"""The paper's Table 2: Oxford-IIIT Pets, Stanford Cars, FGVC-Aircraft 2013b and Oxford Flowers 102."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from vrft.benchmarks.suite import PARTS, Download, Suite, class_names
from vrft.data.formats.coop_split import SplitEntry, read_entries, write_entries
from vrft.data.image_paths import ImageFinder
from vrft.data.label_checks import Mistakes, raise_all
from vrft.errors import LabelError

Entries = Mapping[str, Sequence[SplitEntry]]


@dataclass(frozen=True)
class ClassLabels:
    """A benchmark whose images have one class each."""

    base: Path
    entries: Entries
    """By part; images as the label files name them."""
    compare: Callable[[Path, Entries], list[str]] | None = None
    """Holds the entries against the benchmark's own label files; gives sentences where they differ."""

    @cached_property
    def images(self) -> dict[str, list[str]]:
        return {part: [entry.image for entry in entries] for part, entries in self.entries.items()}

    @cached_property
    def shows(self) -> dict[str, dict[str, list[str]]]:
        shown: dict[str, defaultdict[str, list[str]]] = {part: defaultdict(list) for part in self.entries}
        for part, entries in self.entries.items():
            for entry in entries:
                shown[part][entry.name].append(entry.image)
        return {part: dict(by_class) for part, by_class in shown.items()}

    @property
    def counts(self) -> dict[str, int]:
        return {f"{part} images": len(entries) for part, entries in self.entries.items()}

    @property
    def classes(self) -> list[str]:
        """In the order of their numbers."""
        names = {entry.number: entry.name for entries in self.entries.values() for entry in entries}
        return [names[number] for number in sorted(names)]

    @cached_property
    def _images(self) -> ImageFinder:
        return ImageFinder(self.base / "split.json", self.base)

    def locate(self, part: str, image: str) -> Path:
        return self._images.find(image, f"{self.base}, {part}")

    def disagreements(self) -> list[str]:
        named = [image for images in self.images.values() for image in images]
        twice = len(named) - len(set(named))
        repeated = [f"{twice} images are listed twice."] if twice else []
        return repeated + (self.compare(self.base, self.entries) if self.compare is not None else [])

    def write(self, part: str, images: Sequence[str], folder: Path) -> None:
        kept = set(images)
        entries = [entry for entry in self.entries[part] if entry.image in kept]
        flat = [SplitEntry(Path(entry.image).name, entry.number, entry.name) for entry in entries]
        write_entries(folder / "split.json", {part: flat})


def from_split_file(
    name: str, compare: Callable[[Path, Entries], list[str]]
) -> Callable[[Path], ClassLabels]:
    """Opens a benchmark whose parts are in a split file of CoOp's, compared with the original label files."""

    def opened(base: Path) -> ClassLabels:
        return ClassLabels(base, read_entries(base / name), compare)

    return opened


def differing(entries: Entries, official: Mapping[str, str], what: str) -> list[str]:
    """A sentence where the classes of a split are not those, by image, of the official files ``what``."""
    said = {entry.image: entry.name for listed in entries.values() for entry in listed}
    wrong = sorted(name for name in said.keys() | official.keys() if said.get(name) != official.get(name))
    if not wrong:
        return []
    first, plural = wrong[0], "image" if len(wrong) == 1 else "images"
    sides = " and ".join(f"'{side[first]}'" if first in side else "not listed" for side in (said, official))
    return [f"The split and {what} differ in {len(wrong)} {plural}, such as {first}: {sides}."]


_VGG = "the Visual Geometry Group's page of the dataset, www.robots.ox.ac.uk/~vgg/data/"
_PETS, _FLOWERS = f"{_VGG}pets", f"{_VGG}flowers/102"
_CARS = "the page of the dataset, ai.stanford.edu/~jkrause/cars/car_dataset.html, or one of its copies"
_CARS_TEST = "cars_test_annos_withlabels.mat"
_FLOWER_NAMES = class_names("flowers102")
_OWN_SHOTS = "The paper's own shots are not published as a list: ours are drawn by seed, nested."
_COOP_PARTS = "Training, validation and test part are CoOp's"


def _coop(file: str) -> Download:
    return Download(file, "DATASETS.md of the CoOp repository, github.com/KaiyangZhou/CoOp", file)


def _pets_list(file: Path) -> dict[str, str]:
    """Class by image; a line is 'Abyssinian_100 1 1 1', and the class is the name without its number."""
    names = [line.split()[0] for line in file.read_text("utf-8").splitlines() if line.strip()]
    return {f"{name}.jpg": name.rsplit("_", 1)[0].lower() for name in names}


def _compare_pets(base: Path, entries: Entries) -> list[str]:
    lists = {"test.txt": ("test",), "trainval.txt": ("train", "val")}
    found: list[str] = []
    for name, parts in lists.items():
        own = {part: entries.get(part, ()) for part in parts}
        found += differing(own, _pets_list(base / "annotations" / name), name)
    return found


def year_first(name: str) -> str:
    """A class of Stanford Cars as CoOp writes it.

    Example:
        >>> year_first("AM General Hummer SUV 2000")
        '2000 AM General Hummer SUV'
    """
    model, _, year = name.rpartition(" ")
    return f"{year} {model}"


def _cars_list(folder: str, file: Path, names: list[str]) -> dict[str, str]:
    rows = np.atleast_1d(loadmat(file, squeeze_me=True)["annotations"])
    return {f"{folder}/{row['fname']}": names[int(row["class"]) - 1] for row in rows}


def _compare_cars(base: Path, entries: Entries) -> list[str]:
    listed = np.atleast_1d(loadmat(base / "devkit" / "cars_meta.mat", squeeze_me=True)["class_names"])
    names = [year_first(str(name)) for name in listed]
    learn = {part: entries.get(part, ()) for part in ("train", "val")}
    train = _cars_list("cars_train", base / "devkit" / "cars_train_annos.mat", names)
    test = _cars_list("cars_test", base / _CARS_TEST, names)
    wrong = differing(learn, train, "cars_train_annos.mat")
    return wrong + differing({"test": entries.get("test", ())}, test, _CARS_TEST)


def _compare_flowers(base: Path, entries: Entries) -> list[str]:
    numbers = loadmat(base / "imagelabels.mat", squeeze_me=True)["labels"].ravel().tolist()
    # Class names are CoOp's, in the order of the numbers; an image's number is in its name.
    official = {f"image_{i:05d}.jpg": _FLOWER_NAMES[int(n) - 1] for i, n in enumerate(numbers, 1)}
    return differing(entries, official, "imagelabels.mat")


def _open_aircraft(base: Path) -> ClassLabels:
    names = [line.strip() for line in (base / "variants.txt").read_text("utf-8").splitlines() if line.strip()]
    numbers = {name: number for number, name in enumerate(names)}
    entries: dict[str, list[SplitEntry]] = {part: [] for part in PARTS}
    mistakes = Mistakes()
    for part, listed in entries.items():
        file = base / f"images_variant_{part}.txt"
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            # '1025794 707-320': the variant may hold spaces.
            image, _, name = line.strip().partition(" ")
            if name in numbers:
                listed.append(SplitEntry(f"images/{image}.jpg", numbers[name], name))
            elif line.strip():
                problem = f"The variant '{name}' is not in variants.txt."
                mistakes.append(LabelError(problem, f"{file}, line {number}", "Download the archive again."))
    raise_all(mistakes)
    return ClassLabels(base, entries)


SUITES = (
    Suite(
        name="pets37",
        title="Oxford-IIIT Pets",
        table="2",
        recipe="table2_pets37_2b",
        task="classification",
        downloads=(
            Download("images.tar.gz", _PETS, "images/", "md5:5c4f3ee8e5d25df40f4fd59a7f44e54c"),
            Download("annotations.tar.gz", _PETS, "annotations/", "md5:95a8c909bbe2e81eed6a22bccdf3f68f"),
            _coop("split_zhou_OxfordPets.json"),
        ),
        needs=(
            ("images",),
            ("annotations/trainval.txt",),
            ("annotations/test.txt",),
            ("split_zhou_OxfordPets.json",),
        ),
        below=("oxford_pets", "oxford-iiit-pet"),
        open=from_split_file("split_zhou_OxfordPets.json", _compare_pets),
        counts={"train images": 2944, "val images": 736, "test images": 3669},
        classes=class_names("pets37"),
        splits=f"{_COOP_PARTS}; its test part is test.txt, as in the paper. {_OWN_SHOTS}",
    ),
    Suite(
        name="stanford_cars",
        title="Stanford Cars",
        table="2",
        recipe="table2_stanford_cars_2b",
        task="classification",
        downloads=(
            Download("cars_train.tgz", _CARS, "cars_train/", "md5:065e5b463ae28d29e77c1b4b166cfe61"),
            Download("cars_test.tgz", _CARS, "cars_test/", "md5:4ce7ebf6a94d07f1952d94dd34c4d501"),
            Download("car_devkit.tgz", _CARS, "devkit/", "md5:c3b158d763b6e2245038c8ad08e45376"),
            Download(_CARS_TEST, _CARS, _CARS_TEST, "md5:b0a2b23655a3edd16d84508592a98d10"),
            _coop("split_zhou_StanfordCars.json"),
        ),
        needs=(
            ("cars_train",),
            ("cars_test",),
            ("devkit/cars_meta.mat",),
            ("devkit/cars_train_annos.mat",),
            (_CARS_TEST,),
            ("split_zhou_StanfordCars.json",),
        ),
        below=("stanford_cars",),
        open=from_split_file("split_zhou_StanfordCars.json", _compare_cars),
        counts={"train images": 6509, "val images": 1635, "test images": 8041},
        classes=class_names("stanford_cars"),
        splits=f"{_COOP_PARTS}; its test part is the original one, as in the paper. {_OWN_SHOTS}",
    ),
    Suite(
        name="fgvc_aircraft",
        title="FGVC-Aircraft",
        table="2",
        recipe="table2_fgvc_aircraft_2b",
        task="classification",
        downloads=(
            Download("fgvc-aircraft-2013b.tar.gz", f"{_VGG}fgvc-aircraft", "fgvc-aircraft-2013b/data/"),
        ),
        needs=(("images",), ("variants.txt",), *((f"images_variant_{part}.txt",) for part in PARTS)),
        below=("data", "fgvc-aircraft-2013b/data", "fgvc_aircraft"),
        open=_open_aircraft,
        counts={"train images": 3334, "val images": 3333, "test images": 3333},
        classes=class_names("fgvc_aircraft"),
        splits=f"The parts are the original ones, which CoOp and the paper take as they are. {_OWN_SHOTS}",
    ),
    Suite(
        name="flowers102",
        title="Oxford Flowers 102",
        table="2",
        recipe="table2_flowers102_2b",
        task="classification",
        downloads=(
            Download("102flowers.tgz", _FLOWERS, "jpg/", "md5:52808999861908f626f3c1f4e79d11fa"),
            Download("imagelabels.mat", _FLOWERS, "imagelabels.mat", "md5:e0620be6f572b9609742df49c70aed4d"),
            _coop("split_zhou_OxfordFlowers.json"),
        ),
        needs=(("jpg",), ("imagelabels.mat",), ("split_zhou_OxfordFlowers.json",)),
        below=("oxford_flowers", "flowers-102"),
        open=from_split_file("split_zhou_OxfordFlowers.json", _compare_flowers),
        counts={"train images": 4093, "val images": 1633, "test images": 2463},
        classes=_FLOWER_NAMES,
        splits=f"{_COOP_PARTS}, and so the paper's test images. {_OWN_SHOTS}",
    ),
)
