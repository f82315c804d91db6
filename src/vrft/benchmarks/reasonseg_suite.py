"""ReasonSeg of LISA, Table 6: 239 training, 200 validation and 779 test pictures, with instructions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vrft.benchmarks.suite import PARTS, Download, Suite
from vrft.errors import LabelError


@dataclass(frozen=True)
class ReasonLabels:
    """A folder a part, a json beside every picture."""

    base: Path
    classes: tuple[str, ...] = ()

    @cached_property
    def pictures(self) -> dict[str, list[str]]:
        """Pictures with a json beside them."""
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
        """All pictures alike: an instruction has no class."""
        return {part: {"expression": pictures} for part, pictures in self.pictures.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Pictures of the parts."""
        return {f"{part} pictures": len(pictures) for part, pictures in self.pictures.items()}

    def locate(self, part: str, picture: str) -> Path:
        """The picture's file."""
        return self.base / picture

    def disagreements(self) -> list[str]:
        """Pictures without a json, jsons without a picture, and jsons without an instruction or a shape."""
        told: list[str] = []
        for part in PARTS:
            sides = [{f.stem for f in (self.base / part).glob(f"*.{end}")} for end in ("jpg", "json")]
            if alone := sorted(sides[0] ^ sides[1]):
                told.append(f"{part}: {len(alone)} pictures or jsons stand alone, such as {alone[0]}.")
            empty = [picture for picture in self.pictures[part] if not self._complete(picture)]
            if empty:
                told.append(
                    f"{part}: {len(empty)} jsons have no 'text' or no 'shapes', such as {empty[0]}'s."
                )
        return told

    def _complete(self, picture: str) -> bool:
        file = (self.base / picture).with_suffix(".json")
        try:
            sheet = json.loads(file.read_text("utf-8", "replace"))
        except ValueError as error:
            raise LabelError(f"The file is no JSON ({error}).", str(file), "Fetch it again.") from error
        return isinstance(sheet, dict) and bool(sheet.get("text")) and bool(sheet.get("shapes"))

    def write(self, part: str, pictures: Sequence[str], folder: Path) -> None:
        """The jsons as they are."""
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            file = (self.base / picture).with_suffix(".json")
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
    counts={"train pictures": 239, "val pictures": 200, "test pictures": 779},
    classes=(),
    shots=239,
    val_shots=None,
    splits="The parts are LISA's own. Training asks every instruction of a picture, as the released code "
    "does, validation and test the first one.",
)
