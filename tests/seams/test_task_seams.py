"""Tasks that are to come, each as small as it should be: a folder, a definition, an environment of two
functions."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image as PILImage
from seam_helpers import (
    CLIP,
    COUNT,
    CUP,
    IMAGE,
    NUMBERS,
    PHOTO,
    RENDERER,
    LookAgain,
    TaggedTask,
    answered,
    ask,
    rewards,
    setting,
    shown,
    t_iou,
)

from vrft.rewards.label_rewards import exact_match
from vrft.rewards.reward_term import RewardTerm
from vrft.rollout.driver import prompts_for, recorded, roll_out
from vrft.rollout.scripted import ScriptedSampler
from vrft.tasks.metrics import Metric, mean_of
from vrft.tasks.registry import register
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import Environment
from vrft.training.answer_rows import join_turns
from vrft.types import (
    Annotation,
    Answer,
    BoxXYXY,
    Clock,
    Example,
    Image,
    Label,
    Message,
    Number,
    Permutation,
    PixelEdit,
    Prediction,
    Record,
    RolloutGroup,
    SampleSeed,
    SamplingParams,
    Shape,
    Text,
    TimeSpan,
    Value,
    Video,
    expect,
)

ACCURACY = Metric("accuracy", "accuracy", mean_of(lambda p: float(p.answer.value == p.example.target)))

# ---- video: temporal grounding, and its contrast of shuffled frames (T-GRPO, arXiv 2503.21776)


def span_overlap(answer, target):
    said = answer.as_(TimeSpan)
    return 0.0 if said is None else t_iou(said, expect(target, TimeSpan))


class OrderMatters:
    """1 for right answers where those to frames in order are no worse than 0.8 of those to shuffled
    frames."""

    def score_groups(self, groups, now):
        return [self.of(g) if g.contrast else [None] * len(g.rollouts) for g in groups]

    def of(self, group):
        ordered, shuffled = (
            [float(span_overlap(r.answer, group.example.target) > 0.5) for r in rollouts]
            for rollouts in (group.rollouts, group.contrast)
        )
        gain = math.fsum(ordered) / len(ordered) >= 0.8 * math.fsum(shuffled) / len(shuffled)
        return [float(gain and right) for right in ordered]


class TemporalGrounding(TaggedTask):
    name, answer, needs = "temporal_grounding", TimeSpan, frozenset({("phrase", "time_span")})
    settings = setting(tiou=span_overlap, order=RewardTerm(OrderMatters()))
    metrics = (Metric("mean_tiou", "mean tIoU", mean_of(lambda p: span_overlap(p.answer, p.example.target))),)

    def examples(self, records):
        return [
            Example(f"{r.id}#{one.name}", r.id, self.name, r.media, one.name, span)
            for r in records
            for one, span in r.about("phrase", TimeSpan)
        ]

    def question(self, example, frames):
        return f"When does '{example.question}' happen? Answer as start to end, in seconds."

    def write(self, value):
        return f"{value.start_s:.1f} to {value.end_s:.1f}"

    def read(self, content):
        found = [float(n) for n in NUMBERS.findall(content)]
        return TimeSpan(*found) if len(found) == 2 and found[0] < found[1] else None

    def similarity(self, one, other):
        return t_iou(one, other)

    def contrast_example(self, example):
        (clip,) = example.media
        return replace(example, media=(replace(clip, order=tuple(reversed(range(len(clip.times_s))))),))


def test_a_clip_is_asked_about_and_compared_with_its_shuffled_frames():
    task = register(TemporalGrounding())
    moment = Annotation("phrase", "she sits", TimeSpan(1.0, 2.0))
    (example,) = task.examples([Record("v", (CLIP,), (moment,))])
    right, wrong = answered("1 to 2"), answered("2 to 3")
    (group,) = ask(task, [right, wrong], [example], 2)
    assert rewards(group) == [1.0, 0.0] and group.rollouts[0].terms["order"] is None, (
        "no contrast: it abstains"
    )

    other = task.contrast_example(example)
    assert other.media[0].order == (3, 2, 1, 0) and other.media[0].times_s == CLIP.times_s
    assert other.media != example.media, "caches that key on media keep both apart"
    for said, expected in ((wrong, [2.0, 0.0]), (right, [1.0, 0.0])):
        sampler = ScriptedSampler(said)
        (contrast,) = roll_out(sampler, RENDERER, [other], 2, SamplingParams(), SampleSeed.whole(1))
        (scored,) = Scorer(task).score([replace(group, contrast=contrast)], Clock())
        assert rewards(scored) == expected
    assert task.similarity(TimeSpan(0, 2), TimeSpan(1, 2)) == 0.5
    assert example.target.survives_view((0, 0, 8, 8), mirrored=True), "a crop or a mirror moves no time"
    assert example.target.shapes() == [Shape("span", (1.0, 2.0))]


# ---- a task from a definition, without Python of the user's


class DefinedTask(TaggedTask):
    """``name``, ``answer``, ``question`` and ``options`` of a YAML file; here numbers and texts."""

    takes_options = True

    def __init__(self, definition: Mapping) -> None:
        self.definition, self.name = definition, definition["name"]
        self.answer = Value.of_kind(definition["answer"])
        self.needs = frozenset({("image", self.answer.kind)})
        self.settings = setting(exact=lambda answer, target: float(answer.value == target))
        self.metrics = (ACCURACY,)

    def examples(self, records):
        options = tuple(self.definition.get("options", ()))
        return [
            Example(r.id, r.id, self.name, r.media, self.definition["question"], value, options)
            for r in records
            for _, value in r.about("image", self.answer)
        ]

    def question(self, example, frames):
        return " ".join((example.question, *example.options))

    def write(self, value):
        return value.text if self.answer is Text else f"{value.number:g}"

    def read(self, content):
        if self.answer is Number:
            return Number(float(content)) if NUMBERS.fullmatch(content) else None
        options = self.definition.get("options", ())
        return Text(content) if not options or content in options else None


@pytest.mark.parametrize(
    ("definition", "target", "said", "expected"),
    [
        ({"answer": "text", "options": ["A", "B"]}, Text("B"), ("B", "C", "A"), [1.0, 0.0, 0.0]),
        ({"answer": "number"}, Number(3.5), ("3.5", "three", "3"), [1.0, 0.0, 0.0]),
    ],
)
def test_a_definition_is_a_task(definition, target, said, expected):
    task = DefinedTask({"name": f"sign_{definition['answer']}", "question": "Which sign?", **definition})
    (example,) = task.examples([Record("h", (IMAGE,), (Annotation("image", "", target),))])
    (group,) = ask(task, list(map(answered, said)), [example], 3)
    assert rewards(group) == expected and task.settings["recommended"]["exact"].high == 1.0
    assert task.parse(task.gold(example, []), example, []).value == target
    assert task.metrics[0].value([Prediction(example, Answer(target))]) == 1.0


# ---- a puzzle: the target comes from the image itself, no label is needed


@dataclass(frozen=True, slots=True)
class Tiles(PixelEdit):
    """The image cut into rows times columns tiles, in another order."""

    kind: ClassVar[str] = "tiles_of_the_seam_tests"
    rows: int
    columns: int
    order: tuple[int, ...]

    def apply(self, image):
        width, height = image.width // self.columns, image.height // self.rows
        places = [(c * width, r * height) for r in range(self.rows) for c in range(self.columns)]
        done = image.copy()
        for place, tile in zip(places, self.order, strict=True):
            x, y = places[tile]
            done.paste(image.crop((x, y, x + width, y + height)), place)
        return done


class Jigsaw(TaggedTask):
    name, answer, metrics = "tile_order", Permutation, (ACCURACY,)
    settings = setting(
        tiles=lambda answer, target: (
            float(np.mean([a == b for a, b in zip(answer.value.order, target.order, strict=True)]))
            if answer.parsed
            else 0.0
        )
    )

    def examples(self, records):
        made = []
        for r in records:
            order = tuple(random.Random(r.id).sample(range(6), 6))
            image = replace(r.image, edits=(*r.image.edits, Tiles(2, 3, order)))
            made.append(Example(f"{r.id}#2x3", r.id, self.name, (image,), "2x3", Permutation(order)))
        return made

    def question(self, example, frames):
        return f"The {example.question} tiles were shuffled. Give the original place of each."

    def write(self, value):
        return " ".join(map(str, value.order))

    def read(self, content):
        order = tuple(int(n) for n in re.findall(r"\d+", content))
        return Permutation(order) if sorted(order) == list(range(6)) else None


def test_a_puzzle_needs_no_label():
    task = register(Jigsaw())
    (example,) = task.examples([Record("bare", (IMAGE,))])
    (edit,) = shown(example).edits
    assert edit.order == example.target.order and PixelEdit.decode(edit.encode()) == edit
    (group,) = ask(
        task, [task.gold(example, []), answered("0 1 2 3 4 5"), answered("0 0 0 0 0 0")], [example], 3
    )
    assert rewards(group)[0] == 1.0 and rewards(group)[1] < 1.0 and rewards(group)[2] == 0.0
    assert not example.target.survives_view((0, 0, 100, 100), False), "a crop would break the puzzle"
    pixels = PILImage.fromarray(np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3), "RGB")
    back = Tiles(2, 3, tuple(np.argsort(edit.order).tolist()))
    assert np.array_equal(np.asarray(back.apply(edit.apply(pixels))), np.asarray(pixels))


# ---- several turns: zoom, self-correction, a chain


class Zoom(Environment):
    """A crop of the original, asked for by a tool call."""

    def reply(self, example, turns):
        call = re.search(r"zoom\((.*?)\)", turns[-1].completion.text)
        if call is None:
            return None
        numbers = [float(n) for n in NUMBERS.findall(call[1])]
        box = turns[0].prompt.frames[0].box_to_px((numbers + [0.0] * 4)[:4])
        if box is None:
            return [Message("tool", ("That is outside of the image.",))]
        return [Message("tool", (replace(shown(example), window_px=tuple(map(round, box))),))]


class ZoomedCount(COUNT):
    name, environment = "zoomed_count", Zoom()


def test_a_tool_shows_a_part_whose_numbers_meet_the_original():
    task = register(ZoomedCount())
    cups = task.examples([PHOTO])[:1]
    (group,) = ask(task, ["zoom(500, 0, 1000, 1000)", answered("1")], cups, 1)
    (zoomed,) = group.rollouts
    assert len(zoomed.turns) == 2 and zoomed.reward == 3.0
    assert zoomed.turns[1].prompt.frames[1].to_px(500, 500) == (150.0, 50.0)
    assert zoomed.answer.n_tokens == zoomed.n_tokens == sum(len(t.completion.token_ids) for t in zoomed.turns)
    (whole,) = join_turns(replace(zoomed, advantages=((1.0,), (2.0,))))
    assert set(whole.advantages) == {1.0, 2.0, None} and len(whole.media) == 2, (
        "what was shown is not trained on"
    )
    (refused,) = ask(task, ["zoom(900, 0, 100, 1000)", answered("1")], cups, 1)[0].rollouts
    assert "That is outside of the image." in refused.turns[1].prompt.messages[-1].content
    (endless,) = ask(task, ["zoom(0, 0, 500, 500)"], cups, 1)[0].rollouts
    assert len(endless.turns) == 8 and not endless.answer.parsed


def test_a_turn_that_rewrites_what_came_before_opens_a_sequence_of_its_own():
    task = register(ZoomedCount())
    (group,) = ask(task, ["zoom(500, 0, 1000, 1000)", answered("1")], task.examples([PHOTO])[:1], 1)
    first, second = group.rollouts[0].turns
    anew = replace(second, prompt=RENDERER.first([Message("user", ("anew",))]))
    rollout = replace(group.rollouts[0], turns=(first, anew), advantages=((1.0,), (2.0,)))
    assert len(join_turns(rollout)) == 2


class CorrectedCount(COUNT):
    name, environment = "corrected_count", LookAgain()


def test_a_second_attempt_is_the_answer():
    task = register(CorrectedCount())
    (group,) = ask(task, [answered("2"), answered("1")], task.examples([PHOTO])[:1], 1)
    (rollout,) = group.rollouts
    assert rollout.answer.value == Number(1.0) and rollout.reward == 3.0 and len(rollout.turns) == 2
    assert [m.role for m in rollout.turns[1].prompt.messages] == ["user", "assistant", "user"]


class Chain(Environment):
    """Detect, then name what is in the box found: the second question is built from the first answer."""

    def reply(self, example, turns):
        numbers = [float(n) for n in NUMBERS.findall(turns[-1].completion.text)]
        if len(turns) > 1 or len(numbers) != 4:
            return None
        box = turns[0].prompt.frames[0].box_to_px(tuple(numbers))
        part = box and replace(shown(example), window_px=tuple(map(round, box)))
        return [Message("user", (part, "What is this?"))] if part else None


class FindAndName(TaggedTask):
    name, answer, environment, metrics = "find_and_name", Label, Chain(), (ACCURACY,)
    settings = setting(
        named=lambda answer, target: float(answer.parsed and exact_match(answer.value.name, target.name))
    )

    def examples(self, records):
        return [Example(r.id, r.id, self.name, r.media, "a thing", Label("cup")) for r in records]

    def question(self, example, frames):
        return f"Where is {example.question}?"

    def write(self, value):
        return value.name

    def read(self, content):
        return Label(content)


def test_the_second_question_is_built_from_the_first_answer():
    task = register(FindAndName())
    (group,) = ask(task, [answered("100 100 300 500"), answered("Cup.")], task.examples([PHOTO]), 1)
    (rollout,) = group.rollouts
    assert rollout.reward == 1.0 and rollout.turns[1].prompt.media[1].window_px == (20, 10, 60, 50)
    assert rollout.turns[1].prompt.frames[1].box_to_px((0, 0, 1000, 1000)) == CUP


def test_an_answer_can_be_begun_and_made_to_go_on():
    """Forced rethinking, and values by Monte Carlo from a prefix: what is put into its mouth is not trained
    on."""
    task = register(COUNT())
    (prompt,) = prompts_for(RENDERER, task.examples([PHOTO])[:1])
    begun = replace(
        RENDERER.said("<think>so"), token_ids=tuple(map(ord, "<think>so")), finish_reason="length"
    )
    goes_on = RENDERER.following(prompt, begun, [Message("assistant", (" wait,",))])
    assert goes_on.token_ids[-6:] == tuple(map(ord, " wait,"))
    assert goes_on.token_ids[: len(prompt.token_ids)] == prompt.token_ids


# ---- several images, and kinds of answer of one's own


@dataclass(frozen=True, slots=True)
class Track(Value):
    kind: ClassVar[str] = "track_of_the_seam_tests"
    boxes_px: tuple[tuple[int, BoxXYXY], ...]

    @property
    def evidence_boxes(self):
        return [box for _, box in self.boxes_px]

    def shapes(self):
        return [Shape("rectangle", box, frame=frame) for frame, box in self.boxes_px]

    def describe(self):
        return f"A track of {len(self.boxes_px)} frames"


@dataclass(frozen=True, slots=True)
class Click(Value):
    kind: ClassVar[str] = "click_of_the_seam_tests"
    action: str
    point_px: tuple[float, float]
    text: str = ""

    def shapes(self):
        return [Shape("point", self.point_px, self.action)]

    def describe(self):
        return f"{self.action} at {self.point_px}"


@pytest.mark.parametrize(
    "value",
    [Track(((1, (0.0, 0.0, 2.0, 2.0)), (4, (1.0, 0.0, 3.0, 2.0)))), Click("type", (3.0, 4.0), "hello")],
)
def test_a_kind_of_ones_own_is_stored_drawn_and_refuses_what_it_is_not_sure_of(value):
    assert Value.decode(value.encode()) == value and value.shapes() and value.describe()
    assert not value.survives_view(None, mirrored=True)
    assert value.survives_view((0, 0, 10, 10), False) == isinstance(value, Track)
    asked = Example("a", "a", "x", (IMAGE,), "", value)
    group = RolloutGroup(asked, ())
    from vrft.types.rows import group_from_row, group_to_row

    assert group_from_row(group_to_row(1, group)) == (1, group)


def test_a_question_about_several_images_has_a_frame_for_each():
    class Compare(FindAndName):
        name, environment = "compare", Environment()

        def examples(self, records):
            media = tuple(medium for r in records for medium in r.media)
            return [Example("both", "both", self.name, media, "the larger one", Label("left"))]

        def question(self, example, frames):
            return f"Which is {example.question}? {[frame.window_wh for frame in frames]}"

    task = register(Compare())
    small = Image(Path("b.jpg"), (20, 10))
    (example,) = task.examples([PHOTO, Record("b", (small,))])
    (prompt,) = prompts_for(RENDERER, [example])
    assert prompt.media == (IMAGE, small) and len(prompt.frames) == 2
    assert recorded(example, prompt.frames, RENDERER.said(answered("left"))).answer.value == Label("left")


def test_media_of_ones_own_are_stored_too():
    assert Video.decode(CLIP.encode()) == CLIP and CLIP.frame("norm1000", (32, 32)).input_wh == (32, 32)
