"""What the README's first screen shows: held-out images of two fits, drawn by lot.

python dev/first_screen.py runs/demo-detection-0 runs/demo-reasoning-0 docs/first_screen.png

Above the boxes of label, base, SFT and RFT; below, for sums, the whole thoughts and answers of the three.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vrft.data.images import open_rgb
from vrft.evaluation.predictor import read_predictions
from vrft.geometry.overlay import draw_shapes
from vrft.run_folder import read_json
from vrft.tasks.parsing.tags import split_tags
from vrft.tasks.registry import task_of
from vrft.types import Example, Label, Prediction, Shape, Value, expect

COLUMNS, SIDE, GAP, HEAD, LEFT = 8, 150, 10, 30, 74
THOUGHTS, SMALL, LINE = (2, 3), 150, 21
"""Rows and columns of images with thoughts, the side of each, and the height of a line of text."""
INK = "#333"
LABEL = "#12a150"
SYSTEMS = {"base": ("base", "#8a63d2"), "sft": ("SFT", "#d9730d"), "rft": ("RFT", "#1f6feb")}
"""What is compared: how it is called, and its color, as in reports."""
BOXES = "Find every object of a class. The label is the boxes: the whole answer."
SUMS = "The label is one word, and says nothing of how it is found."


def shapes_of(value: Value | None, example: Example) -> Sequence[Shape]:
    """What an answer or a label draws."""
    return task_of(example).canonical(value, example).shapes() if value is not None else ()


def panel(prediction: Prediction, shapes: Sequence[Shape], color: str) -> Image.Image:
    """One image, enlarged, with its shapes and without their names."""
    image = open_rgb(prediction.example.image.path)
    scale = SIDE / max(image.size)
    large = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    boxes = [
        Shape(shape.kind, tuple(number * scale for number in shape.numbers))
        for shape in shapes
        if shape.kind == "rectangle"
    ]
    drawn = draw_shapes(large, {"": boxes}, {"": color})
    pen = ImageDraw.Draw(drawn)
    for box in boxes:
        pen.rectangle(box.numbers, outline=color, width=3)
    if not boxes:
        pen.rectangle((0, SIDE - 24, 62, SIDE), fill="white")
        pen.text((5, SIDE - 12), "no box", fill=color, font=ImageFont.load_default(size=16), anchor="lm")
    return drawn


def answers_of(folder: Path) -> dict[str, dict[str, Prediction]]:
    """The held-out answers of a fit's base, SFT and RFT, by question."""
    folders = read_json(folder / "fit.json")["systems"]
    return {
        name: {
            one.example.id: one for one in read_predictions(folder / folders[name] / "eval" / "heldout.jsonl")
        }
        for name in SYSTEMS
    }


def boxes_by_lot(folder: Path, seed: int = 0) -> Image.Image:
    """A row for the label and for each system, a column for each question."""
    said = answers_of(folder)
    asked = {key: one.example for key, one in said["base"].items()}
    keys = random.Random(seed).sample(sorted(key for key, one in asked.items() if one.is_positive), COLUMNS)
    top, rows = 2 * HEAD, [("label", LABEL), *SYSTEMS.values()]
    sheet = Image.new("RGB", (LEFT + COLUMNS * (SIDE + GAP), top + len(rows) * (SIDE + GAP)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=18)
    pen.text((GAP, HEAD / 2), BOXES, fill=INK, font=font, anchor="lm")
    for column, key in enumerate(keys):
        x = LEFT + column * (SIDE + GAP)
        pen.text((x + SIDE / 2, 1.5 * HEAD), asked[key].question, fill=INK, font=font, anchor="mm")
        values = [asked[key].target, *(said[name][key].answer.value for name in SYSTEMS)]
        for row, ((_, color), value) in enumerate(zip(rows, values, strict=True)):
            drawn = panel(said["base"][key], shapes_of(value, asked[key]), color)
            sheet.paste(drawn, (x, top + row * (SIDE + GAP)))
    for row, (name, color) in enumerate(rows):
        middle = top + row * (SIDE + GAP) + SIDE / 2
        pen.text((LEFT / 2, middle), name, fill=color, font=font, anchor="mm")
    return sheet


def thoughts_by_lot(folder: Path, seed: int = 0) -> Image.Image:
    """Images with the label, and what each system thought and answered, word for word."""
    said = answers_of(folder)
    asked = {key: one.example for key, one in said["base"].items()}
    rows, columns = THOUGHTS
    keys = random.Random(seed).sample(sorted(asked), rows * columns)
    width = LEFT + COLUMNS * (SIDE + GAP)
    each = (width - GAP) // columns
    sheet = Image.new("RGB", (width, HEAD + rows * (SMALL + GAP)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    title = f"{asked[keys[0]].question} {SUMS}"
    pen.text((GAP, HEAD / 2), title, fill=INK, font=ImageFont.load_default(size=18), anchor="lm")
    for place, key in enumerate(keys):
        x, y = GAP + (place % columns) * each, HEAD + (place // columns) * (SMALL + GAP)
        image = open_rgb(asked[key].image.path).resize((SMALL, SMALL), Image.Resampling.LANCZOS)
        sheet.paste(image, (x, y))
        at = y
        lines = [("label", LABEL, expect(asked[key].target, Label).name)]
        lines += [(title, color, in_words(said[name][key])) for name, (title, color) in SYSTEMS.items()]
        for title, color, text in lines:
            for line in wrapped(f"{title}: {text}", font, each - SMALL - 2 * GAP):
                pen.text((x + SMALL + GAP, at), line, fill=color, font=font)
                at += LINE
    return sheet


def in_words(prediction: Prediction) -> str:
    """A whole answer in one line: the thought, an arrow, the answer, and whether it is right."""
    example, answer = prediction.example, prediction.answer
    parts = split_tags(answer.text, example.form)
    right = example.target is not None and task_of(example).success(answer, example.target)
    thought = parts.thinking or "(no thought)"
    return f"{thought} -> {parts.content} ({'right' if right else 'wrong'})"


def wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """Lines that fit into a width in pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def first_screen(detection: Path, reasoning: Path) -> Image.Image:
    """Both, one above the other."""
    parts = [boxes_by_lot(detection), thoughts_by_lot(reasoning)]
    sheet = Image.new("RGB", (parts[0].width, sum(part.height for part in parts) + GAP), "white")
    sheet.paste(parts[0], (0, 0))
    sheet.paste(parts[1], (0, parts[0].height + GAP))
    return sheet


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("detection", type=Path)
    arguments.add_argument("reasoning", type=Path)
    arguments.add_argument("out", type=Path)
    given = arguments.parse_args()
    first_screen(given.detection, given.reasoning).quantize(128).save(given.out, optimize=True)
