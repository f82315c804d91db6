"""The boxes on the README's first screen: label, base and RFT on held-out images of a fit, drawn by lot.

python dev/readme_boxes.py runs/demo-detection-0 docs/demo_boxes.png
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
from vrft.tasks.registry import task_of
from vrft.types import Prediction, Shape

COLUMNS, SIDE, GAP, HEAD, LEFT = 6, 200, 10, 30, 74
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


def drawn_by_lot(folder: Path, seed: int = 0) -> Image.Image:
    """The whole drawing: a row for each of label, base and RFT, a column for each question."""
    systems = read_json(folder / "fit.json")["systems"]
    base, rft = (
        {p.example.id: p for p in read_predictions(folder / systems[name] / "eval" / "heldout.jsonl")}
        for name in ("base", "rft")
    )
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


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("fit", type=Path)
    arguments.add_argument("out", type=Path)
    given = arguments.parse_args()
    drawn_by_lot(given.fit).quantize(128).save(given.out, optimize=True)
