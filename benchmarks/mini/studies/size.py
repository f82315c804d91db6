"""Does the gap change with the model's size? Miniatures of other widths next to the shipped one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mini.cell import Cell
from mini.effort import Effort
from mini.files import Groups
from mini.pooled import lead
from mini.settings import SETTINGS
from mini.studies.points import Point
from mini.studies.shared import SFT, both, both_table, by, from_cells, of_same_seeds, seeds_text
from mini.studies.study import SEEDS, Found, Study
from mini.systems import RFT
from mini.tables import with_interval
from vrft.errors import InputError
from vrft.miniature.location import miniature_folder
from vrft.run_folder import read_json
from vrft.tasks.number_format import hundred

GATES = Path(__file__).resolve().parents[3] / "results" / "gates"


def points(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """The other miniatures; the shipped one stands in the main table.

    Raises:
        InputError: no second model was named.
    """
    if not models:
        raise InputError(
            "The study needs a second miniature. Train one of another width with "
            "'python dev/miniature_training/pretrain.py OUT --width 128 --shipped-tower': "
            "--study size --models OUT/model."
        )
    for model in models:
        for seed in SEEDS:
            cell, width = Cell(setting, SETTINGS[setting].reference, seed), width_of(Path(model))
            own = replace(effort, model=model)
            yield Point("size", f"{setting}-{width}-{seed}", cell, own, both, {"width": width})


def width_of(model: Path) -> int:
    """Width of a folder's text model."""
    return int(read_json(model / "config.json")["text_config"]["hidden_size"])


def size_table(found: Found, groups: Groups) -> str:
    """Base, SFT and RFT of the shipped miniature, from the main table, and of the others."""
    places = dict.fromkeys((point["setting"], point["shots"]) for point in found)
    shipped = width_of(miniature_folder())
    cells = [cell for place in places for cell in from_cells(groups, *place, width=shipped)]
    return both_table("width", [*cells, *found])


def size_answer(found: Found, groups: Groups) -> str:
    """RFT's lead over SFT at each width, and their difference, on the same seeds."""
    sentences, shipped = [], width_of(miniature_folder())
    for (setting, shots, width), own in by(found, "setting", "shots", "width").items():
        pair = of_same_seeds(from_cells(groups, setting, shots, width=shipped), own)
        here, there = (lead(points, RFT, SFT) for points in pair)
        if here is not None and there is not None:
            one, other, gap = (with_interval(d, sign=True) for d in (here, there, there.minus(here)))
            sentences.append(
                f"In {SETTINGS[setting].title} ({seeds_text(pair[1])}) RFT - SFT is {one} at width {shipped} "
                f"and {other} at width {width}; the difference is {gap}."
            )
    return " ".join(sentences)


def size_sentences(found: Found, groups: Groups) -> list[str]:
    """What the other bases can do, where their gates were measured."""
    lines = []
    for width in sorted({point["x"]["width"] for point in found}):
        path = GATES / f"width_{width}" / "skills.json"
        if path.exists():
            skills = read_json(path)
            naming, box = hundred(skills["naming"]), hundred(skills["only_box_mean_iou"])
            lines.append(
                f"The base of width {width} names a single object right in {naming} of 100 images and "
                f"boxes it with a mean IoU of {box} (`results/gates/{path.parent.name}`)."
            )
    return lines


STUDY = Study(
    "size",
    "Miniatures of different width",
    points,
    size_table,
    "The width is the text model's; the vision tower starts from the shipped one's and the images and "
    "stages of pretraining are the same. SFT is here in RFT's form alone.",
    size_sentences,
    question="Does the gap change with the model's size?",
    answer=size_answer,
    takes_models=True,
)
