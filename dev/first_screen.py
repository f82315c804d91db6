"""What the README's first screen shows: held-out images of two fits, drawn by lot.

python dev/first_screen.py runs/demo-detection-0 runs/demo-reasoning-0 docs/first_screen.png

Above label, boxes of the base and of RFT; below, for sums, the whole thoughts and answers of base and RFT.
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
from vrft.types import Prediction, Shape

COLUMNS, SIDE, GAP, HEAD, LEFT = 6, 200, 10, 30, 74
THOUGHTS, SMALL, LINE = (2, 3), 150, 21
"""Rows and columns of images with thoughts, the side of each, and the height of a line of text."""
ROWS = {"label": "#12a150", "base": "#e07b16", "rft": "#1f6feb"}
NAMES = {"label": "label", "base": "base", "rft": "RFT"}


def shapes_of(row: str, base: Prediction, rft: Prediction) -> Sequence[Shape]:
    """What a row of the drawing shows of a question."""
    value = base.example.target if row == "label" else (base if row == "base" else rft).answer.value
    return task_of(base.example).canonical(value, base.example).shapes() if value is not None else ()


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


def answers_of(folder: Path) -> tuple[dict[str, Prediction], dict[str, Prediction]]:
    """The held-out answers of a fit's base and of its RFT, by question."""
    systems = read_json(folder / "fit.json")["systems"]
    base, rft = (
        {p.example.id: p for p in read_predictions(folder / systems[name] / "eval" / "heldout.jsonl")}
        for name in ("base", "rft")
    )
    return base, rft


def boxes_by_lot(folder: Path, seed: int = 0) -> Image.Image:
    """A row for each of label, base and RFT, a column for each question."""
    base, rft = answers_of(folder)
    positive = sorted(key for key, one in base.items() if one.example.is_positive)
    keys = random.Random(seed).sample(positive, COLUMNS)
    width = LEFT + COLUMNS * (SIDE + GAP)
    sheet = Image.new("RGB", (width, HEAD + len(ROWS) * (SIDE + GAP)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=18)
    for column, key in enumerate(keys):
        x = LEFT + column * (SIDE + GAP)
        pen.text((x + SIDE / 2, HEAD / 2), base[key].example.question, fill="#333", font=font, anchor="mm")
        for row, (name, color) in enumerate(ROWS.items()):
            y = HEAD + row * (SIDE + GAP)
            sheet.paste(panel(base[key], shapes_of(name, base[key], rft[key]), color), (x, y))
    for row, (name, color) in enumerate(ROWS.items()):
        middle = HEAD + row * (SIDE + GAP) + SIDE / 2
        pen.text((LEFT / 2, middle), NAMES[name], fill=color, font=font, anchor="mm")
    return sheet


def thoughts_by_lot(folder: Path, seed: int = 0) -> Image.Image:
    """Images with the label, and what base and RFT thought and answered, word for word."""
    base, rft = answers_of(folder)
    rows, columns = THOUGHTS
    keys = random.Random(seed).sample(sorted(base), rows * columns)
    width = LEFT + COLUMNS * (SIDE + GAP)
    each = (width - GAP) // columns
    sheet = Image.new("RGB", (width, HEAD + rows * (SMALL + GAP)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    question = f"{base[keys[0]].example.question}  The label is one word; nobody wrote down how to add."
    pen.text((GAP, HEAD / 2), question, fill="#333", font=ImageFont.load_default(size=18), anchor="lm")
    for place, key in enumerate(keys):
        x, y = GAP + (place % columns) * each, HEAD + (place // columns) * (SMALL + GAP)
        image = open_rgb(base[key].example.image.path).resize((SMALL, SMALL), Image.Resampling.LANCZOS)
        sheet.paste(image, (x, y))
        at = y
        target = base[key].example.target
        said = [("label", " ".join(target.words) if target is not None else "")]
        said += [(name, in_words(one[key])) for name, one in (("base", base), ("rft", rft))]
        for name, text in said:
            for line in wrapped(f"{NAMES[name]}: {text}", font, each - SMALL - 2 * GAP):
                pen.text((x + SMALL + GAP, at), line, fill=ROWS[name], font=font)
                at += LINE
    return sheet


def in_words(prediction: Prediction) -> str:
    """A whole answer in one line: the thought, an arrow, the answer, and whether it is right."""
    example, answer = prediction.example, prediction.answer
    parts = split_tags(answer.text, example.form)
    right = example.target is not None and task_of(example).success(answer, example.target)
    return f"{parts.thinking} -> {parts.content} ({'right' if right else 'wrong'})"


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
