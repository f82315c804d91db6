"""What any task must keep, whoever wrote it: each law is a function that says where it is broken.

The test suite asks them of every task that is known, ``vrft task check`` of a definition before anybody
trains on it. They look at no image and at no model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from vrft.errors import VrftError
from vrft.tasks.fusion import Candidate
from vrft.tasks.parsing.tags import strip_end_tokens
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.tasks.task import Task
from vrft.types import (
    Answer,
    CoordinateFrame,
    Example,
    Form,
    FrameName,
    Prediction,
    Rollout,
    Value,
    distinct,
)

INPUT_WH = (500, 500)
"""What a model is taken to see of every image."""
ROUNDING = 1e-6
GARBAGE = (
    "", " ", "I do not know.", "<answer></answer>", "[[[", "\x00", "答え", "{}" * 40, "<answer>", "%",
)  # fmt: skip
"""Texts that answer nothing, whatever is asked."""
NEAR_FULL = 0.1
"""An answer that names everything has at least so much less than the full reward."""
Law = Callable[[Task, Sequence[Example], FrameName], Iterator[str]]


def frames_for(example: Example, frame: FrameName) -> list[CoordinateFrame]:
    """How a model family with this convention writes places in what an example shows."""
    return [medium.frame(frame, INPUT_WH) for medium in example.media]


def training_scorers(task: Task) -> list[Scorer]:
    """One for each setting that training takes."""
    safe = [
        name
        for name, terms in task.settings.items()
        if not any(getattr(term, "unsafe", False) for term in terms.values())
    ]
    return [Scorer(task, RewardOptions(setting=name)) for name in safe]


def scored(scorer: Scorer, text: str, example: Example, frame: FrameName) -> Rollout:
    """A text with its rewards."""
    return scorer.score_text(text, example, frames_for(example, frame))


def full_reward(scorer: Scorer) -> float:
    """The most that an answer can have."""
    return sum(scorer.weights[name] * term.high for name, term in scorer.terms.items())


def it_says_what_it_is(task: Task, examples: Sequence[Example], frame: FrameName) -> Iterator[str]:
    """A name, a sentence of help, a setting 'recommended', metrics with names of their own, and a rule."""
    if not task.name.isidentifier():
        yield f"name: '{task.name}' is not letters, digits and underscores."
    if len(task.help) <= 10 or not task.help.endswith("."):
        yield f"help: '{task.help}' is no sentence."
    if "recommended" not in task.settings or not all(task.settings.values()):
        yield "reward: there is no setting 'recommended', or a setting without terms."
    if not task.metrics or len({metric.name for metric in task.metrics}) < len(task.metrics):
        yield "metric: there is none, or two have one name."
    if not (task.rules and task.success_rule and task.score_rule):
        yield "It does not say how answers are fused, or what success and score are."


def gold_is_read_back_and_rewarded_in_full(
    task: Task, examples: Sequence[Example], frame: FrameName
) -> Iterator[str]:
    """What the gold writer writes, the parser reads as the target without a fault; no term lacks anything."""
    scorers = training_scorers(task)
    for example in examples:
        target, text = example.target, task.gold(example, frames_for(example, frame))
        assert target is not None
        answer = task.parse(text, example, frames_for(example, frame))
        if answer.value is None or answer.faults or not answer.formatted:
            faults = ", ".join(answer.faults)
            yield f"{example.id}: the right answer '{_short(text)}' is not read ({faults})."
        elif not isinstance(answer.value, task.answer) or not answer.value.same_as(target):
            yield f"{example.id}: '{_short(text)}' is read as {_said(answer)}, and {_said(target)} is meant."
        elif not (
            abs(task.similarity(answer.value, target) - 1) < ROUNDING
            and abs(task.score(answer, target) - 1) < ROUNDING
            and task.success(answer, target)
            and task.canonical(answer.value, example).same_as(target)
        ):
            yield f"{example.id}: the right answer '{_short(text)}' is no success."
        else:
            yield from _lacking(scorers, text, example, frame)


def _lacking(scorers: Sequence[Scorer], text: str, example: Example, frame: FrameName) -> Iterator[str]:
    for scorer in scorers:
        rollout = scored(scorer, text, example, frame)
        for name, value in rollout.terms.items():
            full = scorer.terms[name].high
            if value is not None and abs(value - full) > ROUNDING:
                given = f"the right answer '{_short(text)}' has {value:.4g} of {full:g}"
                yield f"{example.id}: term '{name}' of setting '{scorer.setting}': {given}."


def another_form_costs_the_format_alone(
    task: Task, examples: Sequence[Example], frame: FrameName
) -> Iterator[str]:
    """A right answer with a thought where none was asked for, or without one, loses the term 'format'."""
    scorers = training_scorers(task)
    for example in examples:
        other = next(form for form in Form if form is not example.form)
        text = task.gold(replace(example, form=other), frames_for(example, frame))
        for scorer in scorers:
            for name, value in scored(scorer, text, example, frame).terms.items():
                full = 0.0 if name == "format" else scorer.terms[name].high
                if value is not None and abs(value - full) > ROUNDING:
                    yield f"{example.id}: term '{name}' has {value:.4g} in the other form, not {full:g}."


def copying_the_prompt_earns_nothing(
    task: Task, examples: Sequence[Example], frame: FrameName
) -> Iterator[str]:
    """Neither the prompt nor its example of an answer is paid."""
    for example in examples[:1]:
        copies = [task.question(example, frames_for(example, frame))]
        if task.example_answer:
            copies += [f"<think> ... </think> <answer>{task.example_answer}</answer>", task.example_answer]
        for scorer in training_scorers(task):
            if scorer.setting in ("paper", "recommended"):
                yield from _paid(scorer, copies, example, frame)


def garbage_earns_nothing(task: Task, examples: Sequence[Example], frame: FrameName) -> Iterator[str]:
    """Empty and meaningless texts have no reward, a fault, and are no success."""
    scorers = training_scorers(task)
    for example in examples:
        # An empty list in other brackets says that nothing is there.
        texts = [text for text in GARBAGE if example.is_positive or "{" not in text]
        for scorer in scorers:
            yield from _paid(scorer, texts, example, frame)
        for text in texts:
            answer = task.parse(text, example, [])
            assert example.target is not None
            if not answer.faults or answer.formatted or task.success(answer, example.target):
                yield f"{example.id}: '{_short(text)}' is taken for an answer."


def _paid(scorer: Scorer, texts: Sequence[str], example: Example, frame: FrameName) -> Iterator[str]:
    for text in texts:
        found = scored(scorer, text, example, frame)
        if found.reward:
            paid = ", ".join(name for name, value in found.terms.items() if value and scorer.weights[name])
            yield (
                f"{example.id}: '{_short(text)}' has a reward of {found.reward:.4g} (setting "
                f"'{scorer.setting}', from {paid}): pay what answers nothing nothing, or leave that term out."
            )


def targets_survive_their_codec(task: Task, examples: Sequence[Example], frame: FrameName) -> Iterator[str]:
    """What files hold of a target is the target; it can be described and drawn."""
    for example in examples:
        target = example.target
        assert target is not None
        if Value.decode(target.encode()) != target or not target.describe():
            yield f"{example.id}: {target!r} is not the same after it was written to a file."
        if not (target.is_empty or target.shapes()):
            yield f"{example.id}: {target!r} cannot be shown."


def the_prompt_shows_what_to_write(
    task: Task, examples: Sequence[Example], frame: FrameName
) -> Iterator[str]:
    """It names what is asked about, the options and the tags, and a thought where one is asked for."""
    for example in examples:
        prompt = task.question(example, frames_for(example, frame))
        tags = "<answer>" in prompt and "</answer>" in prompt
        if not tags or ("<think>" in prompt) != (example.form is Form.THINK):
            yield f"{example.id}: the prompt does not show the tags of the form '{example.form}'."
        if example.question not in prompt or not all(option in prompt for option in example.options):
            yield f"{example.id}: the prompt lacks '{_short(example.question)}', or an option."


def the_parser_looks_at_the_text_alone(
    task: Task, examples: Sequence[Example], frame: FrameName
) -> Iterator[str]:
    """Without the target an answer is read in the same way, and its text is kept."""
    for example in examples:
        frames = frames_for(example, frame)
        for text in (task.gold(example, frames), "junk", ""):
            answer = task.parse(text, example, frames)
            if answer.text != text or answer != task.parse(text, replace(example, target=None), frames):
                yield f"{example.id}: '{_short(text)}' is read in another way where the answer is not known."


def naming_every_answer_is_not_an_answer(
    task: Task, examples: Sequence[Example], frame: FrameName
) -> Iterator[str]:
    """All right answers in one text have clearly less than the full reward."""
    positive = [replace(e, form=Form.DIRECT) for e in examples if e.is_positive]
    targets = distinct(one.target for one in positive if one.target is not None)
    several = [next(one for one in positive if one.target is target) for target in targets]
    contents = [_content(task.gold(one, frames_for(one, frame))) for one in several]
    if len(contents) < 2:
        return
    for scorer in training_scorers(task):
        if scorer.setting not in ("paper", "recommended"):
            continue
        for joined in (", ".join(contents), " ".join(contents), "\n".join(contents), " or ".join(contents)):
            for text in (f"<answer>{joined}</answer>", joined):
                best = max(scored(scorer, text, one, frame).reward for one in several)
                if best >= full_reward(scorer) - NEAR_FULL:
                    yield f"'{_short(text)}' has a reward of {best:.4g} (setting '{scorer.setting}')."


def metrics_rank_gold_above_honest_above_none(
    task: Task, examples: Sequence[Example], frame: FrameName
) -> Iterator[str]:
    """The headline is best for right answers and worst for unread ones; no other metric says the opposite."""
    asked = task.audit_examples(60, np.random.default_rng(0))
    believed = task.audit_beliefs(asked, np.random.default_rng(1))
    systems = [
        [Prediction(example, Answer(value, True)) for example, value in zip(asked, values, strict=True)]
        for values in ([one.target for one in asked], believed, [None] * len(asked))
    ]
    for place, metric in enumerate(task.metrics):
        gold, honest, none = (metric.value(system) for system in systems)
        if math.isnan(gold):
            if place == 0:
                yield f"metric: {metric.name} cannot be measured."
            continue
        sign = 1 if metric.higher_is_better else -1
        best, middle, worst = (sign * value for value in (gold, honest, none))
        if not (best > middle > worst or (place and best >= middle >= worst and best > worst)):
            ranked = f"{gold:.4g} for right answers, {honest:.4g} for honest ones, {none:.4g} for none"
            yield f"metric: {metric.name} has {ranked}."
        if metric.unit == "%" and not all(0 <= v <= 1 for v in (gold, honest, none) if v == v):
            yield f"metric: {metric.name} is a share and leaves [0, 1]."


def several_answers_become_one(task: Task, examples: Sequence[Example], frame: FrameName) -> Iterator[str]:
    """Whatever the rule, two right answers next to two unread ones are a right one."""
    for example in examples:
        target = example.target
        assert target is not None
        right, unread = Candidate(Answer(target, True), -1.0, 3), Candidate(Answer(), -2.0, 3)
        for rule in task.rules:
            fused = task.fuse([unread, right, right, unread], rule)
            if fused.value is None or abs(task.similarity(fused.value, target) - 1) > ROUNDING:
                yield f"{example.id}: the rule '{rule}' makes another answer of two right ones."


def answers_are_as_like_in_either_order(
    task: Task, examples: Sequence[Example], frame: FrameName
) -> Iterator[str]:
    """Similarity lies in [0, 1], is symmetric, and 1 of a value and itself; labels that agree are right."""
    targets = [one.target for one in examples if one.target is not None]
    for one in targets:
        if abs(task.similarity(one, one) - 1) > ROUNDING:
            yield f"{_said(one)} is not like itself."
        for other in targets:
            alike = task.similarity(one, other)
            if not 0 <= alike <= 1 or alike != task.similarity(other, one):
                yield f"{_said(one)} and {_said(other)} are not as like in either order."
            if one.same_as(other) and not task.success(Answer(one, True), other):
                yield f"{_said(one)} and {_said(other)} agree as labels, and only one is right."


def a_sure_answer_becomes_its_own_label(
    task: Task, examples: Sequence[Example], frame: FrameName
) -> Iterator[str]:
    """A pseudo-label of a right answer says the same; of an unread one there is none."""
    for example in examples:
        target = example.target
        assert target is not None
        label = task.pseudo_label(Answer(target, True), example, 0.5, example.options)
        if isinstance(label, str) or not label.same_as(target):
            yield f"{example.id}: the right answer becomes the label {label!r}."
        if not isinstance(task.pseudo_label(Answer(), example, 0.5, example.options), str):
            yield f"{example.id}: an answer that was not read becomes a label."


LAWS: tuple[Law, ...] = (
    it_says_what_it_is,
    gold_is_read_back_and_rewarded_in_full,
    another_form_costs_the_format_alone,
    copying_the_prompt_earns_nothing,
    garbage_earns_nothing,
    targets_survive_their_codec,
    the_prompt_shows_what_to_write,
    the_parser_looks_at_the_text_alone,
    naming_every_answer_is_not_an_answer,
    metrics_rank_gold_above_honest_above_none,
    several_answers_become_one,
    answers_are_as_like_in_either_order,
    a_sure_answer_becomes_its_own_label,
)


def broken_laws(task: Task, examples: Sequence[Example], frame: FrameName = "norm1000") -> dict[str, str]:
    """The laws that a task breaks on some questions, by name, each with the first sentence about it.

    A law that cannot be judged, since the task fails, is broken too.
    """
    found = {}
    for law in LAWS:
        try:
            first = next(law(task, examples, frame), None)
        except VrftError:
            raise
        except Exception as error:  # whatever a user's reward does
            first = f"{type(error).__name__}: {error}"
        if first is not None:
            found[law.__name__] = first
    return found


def _content(text: str) -> str:
    found = re.search(r"<answer>(.*)</answer>", text, re.DOTALL)
    return found[1] if found is not None else strip_end_tokens(text)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:80]}..."


def _said(value: Value | Answer) -> str:
    shown = value.value if isinstance(value, Answer) else value
    return "nothing" if shown is None else f"'{_short(shown.describe())}'"
