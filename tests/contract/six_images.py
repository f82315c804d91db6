"""Six images with labels, in a folder of the kind that a task needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from vrft.geometry.masks import mask_of_boxes
from vrft.miniature.writers import (
    write_answers,
    write_class_folders,
    write_coco,
    write_expressions,
    write_numbers,
    write_questions,
    write_texts,
    write_values,
)
from vrft.types import Action, Annotation, Boxes, Label, Number, Provides, Text

COLORS = {"cup": (200, 40, 40), "fork": (40, 60, 200)}
SHOWN = (
    ("cup", "cup"),
    ("cup", "fork"),
    ("fork",),
    ("cup", "cup", "cup"),
    ("fork", "fork", "cup"),
    ("fork",),
)
"""What each of the images shows."""
SIDE = 96


def drawn(number: int) -> tuple[Image.Image, list[tuple[str, tuple[float, float, float, float]]]]:
    """One image on a ground of its own, and its things with their boxes."""
    rng = np.random.default_rng(number)
    ground = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(ground).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    things = []
    for place, name in enumerate(SHOWN[number]):
        x, y = 4 + 31 * place, 6 + 12 * ((number + place) % 4)
        box = (float(x), float(y), float(x + 22), float(y + 30 + 4 * place))
        ImageDraw.Draw(image).rectangle(box, fill=COLORS[name])
        things.append((name, box))
    return image, things


def _boxes(folder: Path) -> None:
    shown = []
    for number in range(len(SHOWN)):
        image, things = drawn(number)
        size_hw = (image.height, image.width)
        said = [
            Annotation("category", name, Boxes((box,), mask=mask_of_boxes([box], size_hw)))
            for name, box in things
        ]
        shown.append((f"{number}", image, said))
    write_coco(folder, shown, list(COLORS))


def _classes(folder: Path) -> None:
    write_class_folders(folder, [(f"{i}", drawn(i)[0], SHOWN[i][0]) for i in range(len(SHOWN))])


def _phrases(folder: Path) -> None:
    shown = []
    for number in range(len(SHOWN)):
        image, things = drawn(number)
        said = [
            Annotation("phrase", f"{n} number {k + 1}", Boxes((box,))) for k, (n, box) in enumerate(things)
        ]
        shown.append((f"{number}", image, said))
    write_expressions(folder, shown)


def _questions(folder: Path) -> None:
    asked = [[Annotation("question", "How many cups are there?", Label(str(n.count("cup"))))] for n in SHOWN]
    write_questions(folder, [(f"{i}", drawn(i)[0], asked[i]) for i in range(len(SHOWN))])


def _answers(folder: Path) -> None:
    offered = (("A", "a plate"), ("B", "a cup or more"))
    asked = []
    for names in SHOWN:
        count = names.count("cup")
        said = [Annotation("question", "How many cups are there?", Text(str(count)))]
        first = Text(names[0], (names[0], f"a {names[0]}"))
        said.append(Annotation("question", "What stands on the left?", first))
        chosen = Text("B" if count else "A", choices=offered)
        asked.append([*said, Annotation("question", "Which of these is to be seen?", chosen)])
    write_answers(folder, [(f"{i}", drawn(i)[0], asked[i]) for i in range(len(SHOWN))])


def _actions(folder: Path) -> None:
    shown = []
    for number in range(len(SHOWN)):
        image, things = drawn(number)
        (name, box), *_ = things
        point = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        steps = [
            Annotation("question", f"Take the first {name}.", Action("click", point, box_px=box)),
            Annotation(
                "question", f"Write what image {number} shows.", Action("type", text=" ".join(COLORS))
            ),
        ]
        shown.append((f"{number}", image, steps))
    write_values(folder, shown)


def _texts(folder: Path) -> None:
    shown = []
    for number, names in enumerate(SHOWN):
        image, things = drawn(number)
        for name, (x, y, _, _) in things:
            ImageDraw.Draw(image).text((x + 1, y + 8), name, fill=(255, 255, 255))
        shown.append((f"{number}", image, [Annotation("image", "", Text(" ".join(names)))]))
    write_texts(folder, shown)


def _sequences(folder: Path) -> None:
    """A thing that moves through three images, with numbers in both ways of writing them."""
    folder.mkdir(parents=True)
    rows = []
    for number in range(len(SHOWN)):
        names, boxes = [], {}
        for step in range(2 + number % 2):
            image, _ = drawn(number)
            x, y = 6 + 18 * step, 8 + 8 * ((number + step) % 5)
            box = (float(x), float(y), float(x + 30), float(y + 28))
            ImageDraw.Draw(image).rectangle(box, fill=(250, 220, 20))
            names.append(f"{number}_{step + 1}.png")
            image.save(folder / names[-1])
            boxes[str(step + 1)] = list(box)
        rows.append({"images": names, "question": "the yellow card", "target": {"boxes": boxes}})
    (folder / "tracks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def _numbers(folder: Path) -> None:
    shown = []
    for number in range(len(SHOWN)):
        image, things = drawn(number)
        name, (_, top, _, bottom) = things[0]
        shown.append(
            (
                f"{number}",
                image,
                [Annotation("question", f"How high is the {name}?", Number(bottom - top, "px"))],
            )
        )
    write_numbers(folder, shown)


def _in_space(folder: Path) -> None:
    """Each thing as wide as it is drawn, at a distance of its own, before a camera that is known."""
    folder.mkdir(parents=True)
    rows = []
    for number in range(len(SHOWN)):
        image, things = drawn(number)
        image.save(folder / f"{number}.png")
        for name in dict.fromkeys(name for name, _ in things):
            boxes = [
                [round((x1 + x2) / 2 / SIDE - 0.5, 3), 0.1, 2.0 + place, 0.2, 0.4, 0.3, 0.25 * place]
                for place, (called, (x1, _, x2, _)) in enumerate(things)
                if called == name
            ]
            target = {"kind": "boxes3d", "boxes": boxes, "up": "y", "intrinsics": [SIDE, SIDE, 48, 48]}
            rows.append({"image": f"{number}.png", "category": name, "target": target})
    (folder / "space.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


WRITERS: Mapping[Provides, Callable[[Path], None]] = {
    ("category", "boxes"): _boxes,
    ("category", "boxes3d"): _in_space,
    ("image", "label"): _classes,
    ("phrase", "boxes"): _phrases,
    ("phrase", "tracks"): _sequences,
    ("question", "label"): _questions,
    ("question", "text"): _answers,
    ("image", "text"): _texts,
    ("question", "number"): _numbers,
    ("question", "action"): _actions,
}


def write_folder(folder: Path, needs: frozenset[Provides]) -> Path:
    """A folder with six images and what a task needs; one that needs nothing gets labels all the same."""
    if not needs <= WRITERS.keys() or len(needs) > 1:
        pytest.skip(f"nothing here draws {sorted(needs)}: add a writer")
    (write,) = [WRITERS[one] for one in needs] or [_boxes]
    write(folder)
    return folder
