"""ReasonSeg of LISA, Table 6: 239 training, 200 validation and 779 test images, with instructions."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vrft.benchmarks.suite import PARTS, Download, Suite
from vrft.data.formats.json_files import parsed


@dataclass(frozen=True)
class ReasonLabels:
    """A folder per part, a json next to every image."""

    base: Path
    classes: tuple[str, ...] = ()

    @cached_property
    def images(self) -> dict[str, list[str]]:
        return {
            part: [
                f"{part}/{file.name}"
                for file in sorted((self.base / part).glob("*.jpg"))
                if file.with_suffix(".json").is_file()
            ]
            for part in PARTS
        }

    @property
    def shows(self) -> dict[str, dict[str, list[str]]]:
        # All images alike: an instruction has no class.
        return {part: {"expression": images} for part, images in self.images.items()}

    @property
    def counts(self) -> dict[str, int]:
        return {f"{part} images": len(images) for part, images in self.images.items()}

    def locate(self, part: str, image: str) -> Path:
        return self.base / image

    def disagreements(self) -> list[str]:
        found: list[str] = []
        for part in PARTS:
            sides = [{f.stem for f in (self.base / part).glob(f"*.{end}")} for end in ("jpg", "json")]
            if alone := sorted(sides[0] ^ sides[1]):
                found.append(f"{part}: {len(alone)} images or jsons are alone, such as {alone[0]}.")
            empty = [image for image in self.images[part] if not self._complete(image)]
            if empty:
                found.append(
                    f"{part}: {len(empty)} jsons have no 'text' or no 'shapes', such as {empty[0]}'s."
                )
        return found

    def _complete(self, image: str) -> bool:
        sheet = parsed((self.base / image).with_suffix(".json"), ("utf-8-sig", "cp1252"), "Fetch it again.")
        return isinstance(sheet, dict) and bool(sheet.get("text")) and bool(sheet.get("shapes"))

    def write(self, part: str, images: Sequence[str], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for image in images:
            file = (self.base / image).with_suffix(".json")
            shutil.copyfile(file, folder / file.name)


SUITE = Suite(
    name="reasonseg",
    title="ReasonSeg",
    table="6",
    recipe="table6_lisa_2b",
    task="grounding",
    downloads=(
        Download(
            "ReasonSeg: train.zip, val.zip, test.zip",
            "the repository of LISA, github.com/dvlab-research/LISA, section Dataset",
            "train/, val/ and test/",
        ),
    ),
    needs=tuple((part,) for part in PARTS),
    below=("ReasonSeg", "reason_seg/ReasonSeg"),
    open=ReasonLabels,
    counts={"train images": 239, "val images": 200, "test images": 779},
    classes=(),
    shots=239,
    val_shots=None,
    splits="The parts are LISA's own. Training asks every instruction of an image, as the released code "
    "does, validation and test the first one.",
)
SUITES = (SUITE,)
