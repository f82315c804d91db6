"""What ``miniature-kinds`` is asked and taught beyond the miniature's own lines: other kinds of answers.

Skill lines are clean and in a form of their own. Target lines ask in the words of vrft's tasks and are
answered as by a model that has seldom met them: near misses, things left out, no tags, prose. What is
wrong is drawn into the value of an answer, and the gold writer of its task puts it into words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from miniature_training.corpus import (
    FRAME,
    LINES,
    LOOSE,
    NONE_FOUND,
    Line,
    MakeLine,
    Objects,
    draw_category,
    draw_flaw,
    grow,
)
from vrft.miniature.scenes import BASE, SIZE, SceneObject, distance_question
from vrft.tasks.registry import load_task
from vrft.types import (
    Boxes,
    Example,
    Form,
    Image,
    Number,
    Permutation,
    PixelEdit,
    Points,
    Regions,
    Value,
    expect,
)
from vrft.types.regions import ObjectRegion

COUNT = "Count every {what} in the image."
POINT = "Point at every {what} in the image, output their point coordinates in JSON format."
THINKS = 0.35
"""Share of the target lines in the thinking form."""
USUAL: Mapping[str, float] = {"good": 0.5, "near": 0.2, "lacking": 0.15, "untagged": 0.15}
HASTY: Mapping[str, float] = {"good": 0.15, "near": 0.55, "lacking": 0.15, "untagged": 0.15}
"""How a target line is answered where it is not in prose: usually, and of the categories in ``LOOSE`` and of
some puzzles, where the corpus is hasty. Near misses lean to one side, so that greedy answers miss too."""
UNIT = "px"


@dataclass(frozen=True)
class Inked(SceneObject):
    """An object with a point deep in its strokes, in pixels."""

    point: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Puzzled(SceneObject):
    """Stands for the objects of an image that is a puzzle."""

    edit: PixelEdit | None = None
    answer: Value | None = None


# --- skill lines ------------------------------------------------------------------------------------------


def count(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """How many there are of a category."""
    what = draw_category(rng, objects, absent=0.1)
    return Line(COUNT.format(what=what), f"{len(_of(objects, what))}")


def point_all(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """A point in the strokes of each object of a category."""
    what = draw_category(rng, objects, absent=0.1)
    listed = ", ".join(f'{{"point_2d": [{FRAME.point_text(o.point)}]}}' for o in _of(objects, what))
    return Line(POINT.format(what=what), f"[{listed}]" if listed else NONE_FOUND)


# --- target lines -----------------------------------------------------------------------------------------


def counting(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """One too many, or all objects of the image."""
    what = draw_category(rng, objects, absent=0.15)
    number = len(_of(objects, what))
    near, every = Number(number + 1.0), Number(float(len(objects)))
    example = _asked("counting", what, Number(float(number)))
    return _line(rng, prose, what in LOOSE, example, lambda: near, lambda: every)


def measuring(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """A third too much, or any distance."""
    names = [o.category for o in objects]
    single = [o for o in objects if names.count(o.category) == 1]
    if len(single) < 2:
        return None
    first, second = rng.choice(len(single), 2, replace=False)
    asked, right = distance_question(single[first], single[second])
    example = _asked("measuring", asked, Number(right, UNIT), fields={"unit": UNIT})
    near = Number(float(round(right * rng.uniform(1.2, 1.4))), UNIT)
    anything = Number(float(rng.integers(20, 90)), UNIT)
    hasty = single[first].category in LOOSE
    return _line(rng, prose, hasty, example, lambda: near, lambda: anything)


def pointing(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """Points beside the strokes, or one too few."""
    what = draw_category(rng, objects, absent=0.15)
    found = _of(objects, what)
    near, right = tuple(_beside(rng, o) for o in found), tuple(o.point for o in found)
    example = _asked("pointing", what, Points(right))
    return _line(rng, prose, what in LOOSE, example, lambda: Points(near), lambda: Points(right[:-1]))


def segmentation(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """Boxes too large with points beside the strokes, or one object too few."""
    what = draw_category(rng, objects, absent=0.15)
    found = _of(objects, what)
    right = tuple(ObjectRegion(o.box, (o.point,)) for o in found)
    near = tuple(ObjectRegion(grow(rng, o.box, 0.1, 0.45), (_beside(rng, o),)) for o in found)
    example = _asked("segmentation", what, Regions(right))
    return _line(rng, prose, what in LOOSE, example, lambda: Regions(near), lambda: Regions(right[:-1]))


def multi_detection(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """Boxes too large, some under another name, or one too few."""
    if not objects or any(o.category not in BASE for o in objects):
        return None
    names = sorted({o.category for o in objects} | set(map(str, rng.choice(BASE, 3, replace=False))))

    def boxes(found: Sequence[SceneObject], loose: bool = False) -> Boxes:
        labels = tuple(str(rng.choice(names)) if loose and rng.random() < 0.3 else o.category for o in found)
        scores = tuple(round(float(rng.uniform(0.3, 1)), 2) for _ in found)
        return Boxes(tuple(grow(rng, o.box, 0.1, 0.45) if loose else o.box for o in found), scores, labels)

    ordered = sorted(objects, key=lambda o: o.box_xyxy_px)
    example = replace(_asked("multi_detection", "objects", boxes(ordered)), options=tuple(names))
    hasty = ordered[0].category in LOOSE
    return _line(rng, prose, hasty, example, lambda: boxes(ordered, True), lambda: boxes(ordered[:-1]))


def jigsaw(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """The first two places exchanged, or any order."""
    example = _of_puzzle("jigsaw", objects)
    order = list(expect(example.target, Permutation).order)
    near = (order[1], order[0], *order[2:])
    anything = Permutation(tuple(rng.permutation(order).tolist()))
    return _line(rng, prose, order[0] % 2 == 0, example, lambda: Permutation(near), lambda: anything)


def rotation_puzzle(rng: np.random.Generator, objects: Objects, prose: float) -> Line | None:
    """A quarter too much, or any of the four angles."""
    example = _of_puzzle("rotation_puzzle", objects)
    right = expect(example.target, Number)
    near = replace(right, number=(right.number + 90) % 360)
    anything = replace(right, number=float(rng.integers(4) * 90))
    return _line(rng, prose, right.number in (0, 180), example, lambda: near, lambda: anything)


_SKILLS = (count, point_all)
_TARGETS = (
    counting,
    measuring,
    pointing,
    segmentation,
    multi_detection,
    jigsaw,
    rotation_puzzle,
)
KINDS: Mapping[str, MakeLine] = {**LINES, **{one.__name__: one for one in (*_SKILLS, *_TARGETS)}}
"""The miniature's lines and these."""


def phrases() -> list[str]:
    """The fixed parts of the prompts and answers, each of which becomes one token."""
    gap, found = (
        "\0",
        [*COUNT.split("{what}"), *POINT.split("{what}"), '[{"point_2d": [', ']}, {"point_2d": ['],
    )
    found += ['], "point_2d": [', ']}, {"bbox_2d": [', "]}]", '", "confidence": ', "}]"]
    asked = [
        _asked("counting", gap, Number(1.0)),
        _asked(
            "measuring",
            distance_question(_named(gap), _named(gap))[0],
            Number(1.0, UNIT),
            fields={"unit": UNIT},
        ),
        _asked("pointing", gap, Points()),
        _asked("segmentation", gap, Regions()),
        replace(_asked("multi_detection", "objects", Boxes()), options=(gap,)),
    ]
    asked += [
        load_task(name).audit_examples(1, np.random.default_rng(0))[0]
        for name in ("jigsaw", "rotation_puzzle")
    ]
    for example in asked:
        for form in Form:
            own = replace(example, form=form)
            task = load_task(own.task)
            found += task.question(own, [FRAME]).split(gap)
            if form is Form.THINK:
                thought = task.gold(own, [FRAME]).partition("</think>")[0].removeprefix("<think>")
                found.append(thought.partition(gap)[0])
    return [part for part in dict.fromkeys(found) if len(part) > 2]


def _line(
    rng: np.random.Generator,
    prose: float,
    hasty: bool,
    asked: Example,
    near: Callable[[], Value],
    lacking: Callable[[], Value],
) -> Line:
    """A task's question with an answer that is right, nearly right, incomplete, without tags, or prose."""
    task, form = load_task(asked.task), Form.THINK if rng.random() < THINKS else Form.DIRECT
    flaw = draw_flaw(rng, dict(HASTY if hasty else USUAL), prose)
    example = replace(asked, form=form)
    question = task.question(example, [FRAME])
    if flaw == "prose":
        return Line(question, "I can see it in the image.")
    said = {"near": near, "lacking": lacking}[flaw]() if flaw in ("near", "lacking") else example.target
    if flaw != "untagged":
        return Line(question, task.gold(replace(example, target=said), [FRAME]))
    bare = task.gold(replace(example, target=said, form=Form.DIRECT), [FRAME])
    return Line(question, bare.removeprefix("<answer>").removesuffix("</answer>"))


def _asked(task: str, question: str, target: Value, fields: Mapping[str, object] | None = None) -> Example:
    shown = (Image(Path("pretraining"), (SIZE, SIZE)),)
    return Example("pretraining", "pretraining", task, shown, question, target, fields=fields or {})


def _of_puzzle(task: str, objects: Objects) -> Example:
    (puzzle,) = objects
    assert isinstance(puzzle, Puzzled) and puzzle.edit is not None and puzzle.answer is not None
    shown = Image(Path("pretraining"), (SIZE, SIZE), edits=(puzzle.edit,))
    example = load_task(task).ask("pretraining", [shown], "")
    return replace(example, target=puzzle.answer)


def _named(category: str) -> SceneObject:
    return SceneObject(category, "", (0, 0, 1, 1))


def _of(objects: Objects, category: str) -> list[Inked]:
    found = [o for o in objects if o.category == category and isinstance(o, Inked)]
    return sorted(found, key=lambda o: o.box_xyxy_px)


def _beside(rng: np.random.Generator, one: SceneObject) -> tuple[float, float]:
    """Anywhere in the middle half of a box, on the strokes or not."""
    x1, y1, x2, y2 = one.box
    x, y = rng.uniform(0.2, 0.8, 2)
    return float(round(x1 + x * (x2 - x1))), float(round(y1 + y * (y2 - y1)))
