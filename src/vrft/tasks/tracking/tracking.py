"""Tracking: where one thing, or each of several, is in every image of a sequence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vrft.errors import InputError
from vrft.geometry.jitter import box_apart, jittered
from vrft.rewards import text_rewards as texts
from vrft.rewards import track_rewards
from vrft.rewards.papers.onethinker import onethinker_tracking as onethinker
from vrft.rewards.papers.onethinker.onethinker_reading import ACCURACY, FORMAT
from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.parsing.answer_parsers import answered
from vrft.tasks.parsing.tags import split_tags
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import AUDIT_SIDE, Setting, Task, audit_example, chosen
from vrft.tasks.tracking.track_attacks import ATTACKS
from vrft.tasks.tracking.track_reading import read_tracks
from vrft.tasks.tracking.tracking_sections import IDF1, MEAN_IOU, SECTION
from vrft.types import Answer, BoxXYXY, CoordinateFrame, Example, Fault, Image, Record, Tracks, Value, expect
from vrft.types.tracks import listed

SETTINGS: Mapping[str, Setting] = {
    "recommended": {"iou": track_rewards.track_iou, "format": texts.format_reward},
    "onethinker": {
        "accuracy": RewardTerm(onethinker.accuracy_term, high=ACCURACY, unsafe=True),
        "format": RewardTerm(onethinker.format_term, high=FORMAT, unsafe=True),
        "structure": RewardTerm(onethinker.structure_term, high=2 * onethinker.PART, unsafe=True),
    },
}
TERMS: Setting = {
    "mean_iou": track_rewards.mean_iou,
    "length_soft_overlong": texts.length_soft_overlong,
    "no_repetition": texts.no_repetition,
}
"""What ``reward.weights`` may add to a setting."""
GROUP = "track"
"""All things count alike."""
NUMBERS, SEVERAL, BEGIN = "numbers", "several", "begin"
"""Fields of a question: the numbers of its images where they are not 1, 2, 3; that several things are asked
for; and the box of the first image, in its pixels, where it says what to follow."""
AUDIT_IMAGES = 4


@dataclass(frozen=True)
class Tracking(Task):
    """Follow a thing through images: what OneThinker asks for (arXiv 2512.03043), and MOTChallenge's files.

    Args:
        clip: most images that one question shows; longer sequences become several questions.
        every: of a sequence each image that comes so many after the one before.
    """

    clip: int = 8
    every: int = 1

    name = "tracking"
    help = "Follow a thing through the images of a sequence."
    answer = Tracks
    needs = frozenset({("phrase", "tracks")})
    or_needs = (frozenset({("category", "tracks")}),)
    is_default = True
    folder_is_sequence = True
    example_answer = '{"boxes": {"1": [x1, y1, x2, y2], "2": [x1, y1, x2, y2]}}'
    settings = SETTINGS
    terms = TERMS
    metrics = (MEAN_IOU, IDF1)
    sections = (SECTION,)
    attacks = ATTACKS
    success_rule = "a mean IoU over images of at least 0.5"
    score_rule = "mean IoU over the images in which the label or the answer has a box"

    def __post_init__(self) -> None:
        if self.clip < 1 or self.every < 1:
            raise InputError("task.clip and task.every: both are whole numbers of 1 or more.")

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question for each phrase and for each thing of a category, and for each part of a sequence."""
        return [
            example
            for record in records
            for about in ("phrase", "category")
            for index, (one, tracks) in enumerate(record.about(about, Tracks))
            if one.counts
            for example in self._clips(record, f"{about[0]}{index}", one.name, tracks, about == "category")
        ]

    def _clips(self, record: Record, key: str, name: str, tracks: Tracks, given: bool) -> Iterator[Example]:
        """The questions about one label; of a thing whose first box is given, from the first image that shows
        it."""
        every = tracks.numbers or tuple(range(1, len(record.media) + 1))
        shown, boxes = every[:: self.every], tracks.by_image
        for start in range(0, len(shown), self.clip):
            numbers = shown[start : start + self.clip]
            begin: BoxXYXY | None = None
            if given:
                seen = next((i for i, number in enumerate(numbers) if number in boxes), len(numbers))
                numbers = numbers[seen:]
                begin = next(iter(boxes[numbers[0]].values())) if numbers else None
            asked = numbers[1:] if given else numbers
            rows = tuple(row for row in tracks.boxes if row[0] in asked)
            if (given or len(shown) > self.clip) and not rows:
                continue
            usual = numbers == tuple(range(1, len(numbers) + 1))
            fields: dict[str, object] = {} if usual else {NUMBERS: list(numbers)}
            fields |= {SEVERAL: True} if len(tracks.names) > 1 else {}
            fields |= {BEGIN: list(begin)} if begin is not None else {}
            part = f".{numbers[0]}" if len(shown) > self.clip else ""
            media = [record.media[every.index(number)] for number in numbers]
            target = Tracks(rows, () if usual else numbers)
            yield self.example(record, f"{key}{part}", name, target, GROUP, media=media, fields=fields)

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        numbers, begin, several = _numbers(example), _begin(example), SEVERAL in example.fields
        shown = f"The {len(numbers)} images are in order of time. Their numbers are {listed(numbers)}."
        thing = f"'{example.question}'"
        if begin is not None:
            numbers = numbers[1:]
            box = frames[0].box_text(begin)
            thing = f"the '{example.question}' that is at [{box}] in the first of them"
        what = f"Follow {thing} and give its box in every {'other ' if begin else ''}image that shows it"
        if several:
            what = f"Follow each of {thing} and give its box, by a name of your own for it, in every image"
        clauses = list(dict.fromkeys(frame.clause for frame in frames))
        clause = clauses[0] if len(clauses) == 1 else "in pixels of each image as it is shown, integer"
        box = '{"name": [x1, y1, x2, y2]}' if several else "[x1, y1, x2, y2]"
        form = '{"boxes": {' + ", ".join(f'"{number}": {box}' for number in numbers[:2]) + "}}"
        return f"{shown}\n{what}, by the image's number. Coordinates are {clause}.\n" + answer_instructions(
            form if numbers else self.example_answer, example.form
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        tracks, by_number = expect(example.target, Tracks), dict(zip(_numbers(example), frames, strict=True))
        boxes: dict[str, Any] = {}
        for number, own in tracks.by_image.items():
            written = {name: _written(box, by_number[number]) for name, box in own.items()}
            named = SEVERAL in example.fields
            boxes[str(number)] = written if named else next(iter(written.values()))
        content = json.dumps({"boxes": boxes}, ensure_ascii=False)
        return in_tags(content, f"I follow {example.question} from image to image.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """Boxes by image; of a thing whose box in the first image is given, that image does not count."""
        sections = split_tags(text, example.form)
        by_number = dict(zip(_numbers(example), frames, strict=False))
        if not sections.content:
            return answered(text, sections, (Fault.EMPTY,), None)
        tracks, faults = read_tracks(sections.content, by_number, SEVERAL in example.fields)
        if tracks is not None:
            first = _numbers(example)[0] if _begin(example) is not None else None
            kept = tuple(row for row in tracks.boxes if row[0] != first)
            tracks = Tracks(kept, _shown(example))
        return answered(text, sections, faults, tracks)

    def similarity(self, one: Value, other: Value) -> float:
        if not (isinstance(one, Tracks) and isinstance(other, Tracks)):
            return 0.0
        return track_rewards.agreement(one, other)

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """A thing that moves through four images of 1000 by 1000 pixels."""
        return [_audit_example(self.name, index, rng) for index in range(count)]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """The labelled boxes at a mean IoU of 0.70; in one image of five another, since one must be given."""
        found: list[Value] = []
        for example in examples:
            tracks = expect(example.target, Tracks)
            missed = chosen(len(tracks.boxes), 0.2, rng)
            rows = [
                (row[0], row[1], *(box_apart((row[2:],), rng) if miss else jittered(row[2:], rng)))
                for row, miss in zip(tracks.boxes, missed, strict=True)
            ]
            found.append(replace(tracks, boxes=tuple(rows)))
        return found


def _numbers(example: Example) -> tuple[int, ...]:
    """The number of each image."""
    numbers: Any = example.fields.get(NUMBERS)
    return tuple(numbers) if numbers else tuple(range(1, len(example.media) + 1))


def _shown(example: Example) -> tuple[int, ...]:
    return _numbers(example) if NUMBERS in example.fields else ()


def _begin(example: Example) -> BoxXYXY | None:
    begin: Any = example.fields.get(BEGIN)
    return None if begin is None else tuple(begin)


def _written(box: BoxXYXY, frame: CoordinateFrame) -> list[float]:
    numbers: list[float] = json.loads(f"[{frame.box_text(box)}]")
    return numbers


def _audit_example(task: str, index: int, rng: np.random.Generator) -> Example:
    # Even numbers of pixels are whole numbers in every frame.
    size, start = 2 * rng.integers(40, 100, 2), 2 * rng.integers(0, 100, 2)
    moves = 2 * np.cumsum(rng.integers(30, 65, (AUDIT_IMAGES, 2)), axis=0)
    rows = [
        (number, "", *map(float, (*(start + moved), *(start + moved + size))))
        for number, moved in enumerate(moves, 1)
    ]
    example = audit_example(task, index, "the cat that runs", Tracks(tuple(rows)), GROUP)  # type: ignore[arg-type]
    image = example.media[0]
    side = (AUDIT_SIDE, AUDIT_SIDE)
    media = tuple(Image(image.path.with_stem(f"{image.path.stem}-{n}"), side) for n, *_ in rows)
    return replace(example, media=media)


TASK = Tracking()
