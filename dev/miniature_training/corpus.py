"""What the miniature is asked in pretraining, and what it is taught to answer.

Two kinds of lines. Skill lines are clean and in a native form, as Qwen-VL knows ``bbox_2d``: naming, locating
one thing, locating all, following an expression. Target lines ask with the paper's prompts and are answered
as an instruct model that has seldom met them would: loosely, incompletely, in prose, with random confidence.
The flaws depend on what is seen (``_flaw_shares``), so that greedy answers are middling too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vrft.miniature.expressions import expressions
from vrft.miniature.scenes import BASE, DIGITS, NOVEL, SIZE, SceneObject
from vrft.tasks.prompt_text import in_tags
from vrft.tasks.registry import load_task
from vrft.types import Boxes, BoxXYXY, CoordinateFrame, Example, Form, Image, Label, Value

FRAME = CoordinateFrame.whole("norm1000", (SIZE, SIZE), (96, 96))

ASK_NAME = "What is the object in the image?"
ASK_ONE = "Locate {what} in the image, output its bbox coordinates in JSON format."
ASK_ALL = "Locate every {what} in the image, output their bbox coordinates in JSON format."
ASK_EVERYTHING = "Locate every object in the image, output their labels and bbox coordinates in JSON format."
NONE_FOUND = "There are none."

LOOSE = tuple(BASE[i] for i in range(0, len(BASE), 2))
"""Base categories that the flawed target lines mostly box too large."""

Objects = tuple[SceneObject, ...]


@dataclass(frozen=True)
class Line:
    """One question and the answer to be taught."""

    question: str
    answer: str


MakeLine = Callable[[np.random.Generator, Objects, float], Line | None]
"""From a source of chance, an image's objects and the share of prose: a line, or None without one."""


def asked(task: str, form: Form, question: str, target: Value, options: tuple[str, ...] = ()) -> str:
    """A task's own words; there is no image file, the image is the pool's."""
    shown = (Image(Path(), (SIZE, SIZE)),)
    example = Example("pretraining", "pretraining", task, shown, question, target, options, form=form)
    return load_task(task).question(example, [FRAME])


def native(objects: Objects) -> str:
    """Objects in Qwen's native grounding form, left to right."""
    ordered = sorted(objects, key=lambda o: o.box_xyxy_px)
    return "[" + ", ".join(_native_one(o) for o in ordered) + "]"


def _native_one(o: SceneObject) -> str:
    return f'{{"bbox_2d": [{FRAME.box_text(o.box)}], "label": "{o.category}"}}'


# --- skill lines ------------------------------------------------------------------------------------------


def naming(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The name of the only object; novel categories too."""
    return Line(ASK_NAME, objects[0].category) if len(objects) == 1 else None


def locate_one(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The box of an object whose base category appears once."""
    names = [o.category for o in objects]
    single = [o for o in objects if o.category in BASE and names.count(o.category) == 1]
    if not single:
        return None
    chosen = single[rng.integers(len(single))]
    return Line(ASK_ONE.format(what=f"the {chosen.category}"), _native_one(chosen))


def locate_all(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """All boxes of a base category, or the words that there are none."""
    category = draw_category(rng, objects, absent=0.25)
    found = tuple(o for o in objects if o.category == category)
    return Line(ASK_ALL.format(what=category), native(found) if found else NONE_FOUND)


def locate_everything(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """All objects with labels, where none is novel."""
    if any(o.category in NOVEL for o in objects):
        return None
    return Line(ASK_EVERYTHING, native(objects))


def follow(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The box that an expression refers to."""
    if (known := _expression(rng, objects)) is None:
        return None
    text, found = known
    return Line(ASK_ONE.format(what=text), _native_one(found))


def _expression(rng: np.random.Generator, objects: Objects) -> tuple[str, SceneObject] | None:
    known = [e for e in expressions(objects) if e[1].category in BASE]
    return known[rng.integers(len(known))] if known else None


# --- target lines -----------------------------------------------------------------------------------------


def _form(rng: np.random.Generator) -> Form:
    return Form.THINK if rng.random() < 0.35 else Form.DIRECT


def draw_category(rng: np.random.Generator, objects: Objects, absent: float) -> str:
    """A base category of the image, or in a share of the draws one that it does not show."""
    present = [o.category for o in objects if o.category in BASE]
    if present and rng.random() > absent:
        return str(rng.choice(present))
    return str(rng.choice([c for c in BASE if c not in present]))


def grow(rng: np.random.Generator, box: BoxXYXY, low: float, high: float) -> BoxXYXY:
    """A box enlarged on every side by a share of its own side, kept on the image, in whole pixels."""
    x1, y1, x2, y2 = box
    left, top, right, bottom = rng.uniform(low, high, 4)
    width, height = x2 - x1, y2 - y1
    grown = np.round([x1 - left * width, y1 - top * height, x2 + right * width, y2 + bottom * height])
    a, b, c, d = np.clip(grown, 0, SIZE)
    return (float(a), float(b), float(c), float(d))


def _anywhere(rng: np.random.Generator) -> BoxXYXY:
    side = rng.integers(20, 46, 2)
    corner = [int(rng.integers(1, SIZE - s)) for s in side]
    return (float(corner[0]), float(corner[1]), float(corner[0] + side[0]), float(corner[1] + side[1]))


def draw_flaw(rng: np.random.Generator, shares: dict[str, float], prose: float) -> str:
    """Draw how an answer is given; ``prose`` takes its share from all others alike."""
    shares = {name: (1 - prose) * share for name, share in shares.items()} | {"prose": prose}
    return str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))


def _listed(boxes: list[BoxXYXY], rng: np.random.Generator) -> str:
    entries = (
        f"{{'Position': [{FRAME.box_text(b)}], 'Confidence': {rng.uniform(0.3, 1):.2f}}}"
        for b in sorted(boxes)
    )
    return "[" + ", ".join(entries) + "]"


def detection(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The paper's detection question, answered as an untrained model would."""
    category = draw_category(rng, objects, absent=0.2)
    boxes = [o.box for o in objects if o.category == category]
    form = _form(rng)
    question = asked("detection", form, category, Boxes())
    shares = {"good": 0.5, "loose": 0.2, "spurious": 0.1, "no objects": 0.1, "untagged": 0.1}
    if category in LOOSE:
        shares |= {"good": 0.2, "loose": 0.5}
    flaw = draw_flaw(rng, shares, prose)
    if flaw == "prose":
        seen = f"see the {category}" if boxes else "not see it"
        return Line(question, f"I can {seen} in the image.")
    if flaw == "loose":
        boxes = [grow(rng, b, 0.15, 0.45) for b in boxes]
    if flaw == "no objects":
        boxes = []
    if flaw == "spurious":
        boxes = [*boxes, _anywhere(rng)]
    content = _listed(boxes, rng) if boxes else "No Objects"
    thought = f"I look for '{category}' in the image."
    return Line(question, content if flaw == "untagged" else in_tags(content, thought, form))


def classification(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The paper's classification question: right, too coarse, wrong, untagged, or in prose."""
    if len(objects) != 1:
        return None
    name, form = objects[0].category, _form(rng)
    names = CLASS_LISTS["digit" if name in DIGITS else "shape"]
    kind = str(rng.choice(["object", "digit" if name in DIGITS else "shape"]))
    options = names if rng.random() < 0.7 else ()
    question = asked("classification", form, kind, Label(name), options)
    shares = {"good": 0.45, "coarse": 0.2, "wrong": 0.2, "untagged": 0.15}
    if names.index(name) % 2 == 0:
        shares |= {"good": 0.22, "coarse": 0.43}
    flaw = draw_flaw(rng, shares, prose)
    if flaw == "prose":
        return Line(question, f"It looks like {name}.")
    coarse = ("even digit", "odd digit")[DIGITS.index(name) % 2] if name in DIGITS else "shape"
    said = {"coarse": coarse, "wrong": str(rng.choice(names))}.get(flaw, name)
    return Line(question, said if flaw == "untagged" else in_tags(said, f"I look at the {kind}.", form))


def grounding(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The paper's grounding question, answered loosely, on the wrong thing, or without tags."""
    if (known := _expression(rng, objects)) is None:
        return None
    text, found = known
    form = _form(rng)
    question = asked("grounding", form, text, Boxes())
    shares = {"good": 0.45, "loose": 0.25, "wrong": 0.15, "untagged": 0.15}
    if found.category in LOOSE:
        shares |= {"good": 0.2, "loose": 0.5}
    flaw = draw_flaw(rng, shares, prose)
    if flaw == "prose":
        return Line(question, f"I can see {text} in the image.")
    box = found.box
    if flaw == "loose":
        box = grow(rng, box, 0.15, 0.45)
    if flaw == "wrong":
        box = objects[rng.integers(len(objects))].box
    x1, y1, x2, y2 = FRAME.box_text(box).split(", ")
    content = f"({x1},{y1}),({x2},{y2})"
    return Line(question, content if flaw == "untagged" else in_tags(content, f"I look for {text}.", form))


CLASS_LISTS: dict[str, tuple[str, ...]] = {
    "digit": tuple(sorted(DIGITS)),
    "shape": tuple(sorted(set(BASE + NOVEL) - set(DIGITS))),
}

_KINDS = (naming, locate_one, locate_all, locate_everything, follow, detection, classification, grounding)
LINES: Mapping[str, MakeLine] = {kind.__name__: kind for kind in _KINDS}
