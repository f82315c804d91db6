"""Examinations with a model: lengths, sizes, answers that can be written, and drawn labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

import torch

from vrft.data.drawn_media import drawn_media
from vrft.data.label_checks import some
from vrft.data.splits.question_pool import seeded_order
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.diagnostics.check.gpu_plan import examine_gpus
from vrft.diagnostics.check.memory_fit import examine_memory
from vrft.diagnostics.check.model_case import EncodedQuestion, ModelCase, boxes_in
from vrft.errors import InputError, ModelError
from vrft.geometry.overlay import PALETTE
from vrft.models.model_source import weight_files
from vrft.models.saved_weights import broken_weights
from vrft.run_folder import make_folder
from vrft.tasks.registry import task_of
from vrft.types import Example, Shape

ROOM = 1e-6
"""Shares of a step, for what float arithmetic loses."""
LEAST_PX = 8.0
"""An object with a shorter side, after the resize, fills no patch of 14 to 16 pixels by half."""
FEW = 0.02
"""Share of the questions up to which tiny objects are worth a note only."""
OVERLAYS = 3


MOST_BYTES = 8 * 2**30
"""Of weight files that are read whole for a look at their numbers: some seconds."""


def examine_weights(case: ModelCase) -> list[Finding]:
    """An error where weights are not finite or cannot be read; a policy that has them says so itself."""
    policy = case.policy
    if policy.device.type != "meta":
        return []
    files = weight_files(policy.source)
    if sum(file.stat().st_size for file in files) > MOST_BYTES:
        return []
    try:
        broken = broken_weights(files, policy.core.dtype)
    except ModelError as error:
        return [Finding(Severity.ERROR, "unreadable-weights", str(error), policy.source)]
    if not broken:
        return []
    problem = f"{len(broken)} of the model's weights are not finite in {policy.precision}: {some(broken)}."
    fix = "Download the model again, or take one from before its training diverged."
    if policy.core.dtype == torch.float16:
        fix = "Set model.dtype: float32, or bfloat16 on a GPU that computes in it."
    return [Finding(Severity.ERROR, "not-finite", problem, policy.source, fix)]


def examine_gold(case: ModelCase) -> list[Finding]:
    """An error for each right answer that is another one after it was written, tokenized and read."""
    found = []
    for one in case.encoded:
        problem = _problem_with_boxes(one) if boxes_in(one.target) else _problem_with_words(one)
        if problem:
            fix = "Rename the class in letters that the model's tokenizer knows, or take another model."
            if boxes_in(one.target):
                fix = "Remove boxes that are too small to write, or take a model that writes finer numbers."
            where = f"{_place(one.example)}, '{one.example.question}'"
            found.append(Finding(Severity.ERROR, "unwritable-answer", problem, where, fix))
    return found


def _problem_with_boxes(one: EncodedQuestion) -> str | None:
    given, read = boxes_in(one.target), boxes_in(one.read_back.value)
    if len(given) != len(read):
        return f"{len(given)} boxes are labelled, {len(read)} are left after they were written and read."
    steps = 2 * one.frames[0].step_px
    moved = max(
        abs(a - b) / step
        for box, back in zip(given, read, strict=True)
        for a, b, step in zip(box, back, steps, strict=True)
    )
    return f"A box moves by {moved:.2f} steps when it is written and read." if moved > 0.5 + ROOM else None


def _problem_with_words(one: EncodedQuestion) -> str | None:
    value = one.read_back.value
    if value is not None:
        same = one.target.same_as(value) or task_of(one.example).similarity(value, one.target) >= 1 - ROOM
        # Places that are not boxes come back rounded.
        if same or (one.target.has_coordinates and value.size == one.target.size):
            return None
    reads = "nothing" if value is None else f"'{value.describe()}'"
    return f"The right answer '{one.target.describe()}' reads as {reads} after tokenizing."


def examine_overlay(case: ModelCase) -> list[Finding]:
    """Draw up to three images, and say where they are: coordinates that are wrong are seen at a glance."""
    labelled = {example.record_id for example in case.sound if example.is_positive and example.media}
    drawn: list[str] = []
    try:
        make_folder(case.out)
        for name in seeded_order(labelled, case.data.config.seed, "overlay")[:OVERLAYS]:
            examples = [example for example in case.sound if example.record_id == name]
            layers = _layers(case, examples)
            colors = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(sorted(layers))}
            path = case.out / f"overlay_{len(drawn) + 1}.png"
            drawn_media(examples[0].media, layers, colors).save(path)
            drawn.append(str(path))
    except OSError as error:
        raise InputError(
            f"{case.out}: the drawn images cannot be written ({error}). Choose another folder with --out."
        ) from error
    if not drawn:
        return []
    says = "Labels were written for the model, read back and drawn."
    return [
        Finding(Severity.NOTE, "overlay", says, some(drawn), "Check that the labels are in the right places.")
    ]


def _layers(case: ModelCase, examples: Sequence[Example]) -> dict[str, list[Shape]]:
    """Everything that is labelled in an image, by what was asked; words speak for themselves."""
    layers: dict[str, list[Shape]] = {}
    for one in case.encode(examples):
        value = one.read_back.value
        for shape in value.shapes() if value is not None else [Shape("caption", text="?")]:
            named = value is not None and value.words and shape.kind == "caption"
            layers.setdefault(shape.text if named else one.example.question, []).append(shape)
    return layers


def examine_tokens(case: ModelCase) -> list[Finding]:
    """Errors for prompts that do not fit, a warning for answers that are cut off, and the lengths."""
    asked, limit = case.encoded, case.data.config.rollout.max_new_tokens
    if not asked:
        return []
    found: list[Finding] = []
    refused = [one for one in asked if one.too_long is not None]
    if refused:
        worst = max(refused, key=lambda one: one.prompt_tokens)
        says = f"{len(refused)} of {len(asked)} prompts do not fit into the model. "
        says += f"Of the longest, {worst.too_long}"
        found.append(Finding(Severity.ERROR, "prompt-too-long", says, _place(worst.example)))
    cut = [one for one in asked if one.gold_tokens > limit]
    longest = max(asked, key=lambda one: one.gold_tokens)
    if cut:
        says = (
            f"The right answer is longer than the {limit} tokens that are sampled for {len(cut)} of "
            f"{len(asked)} questions (up to {longest.gold_tokens} tokens): the model cannot finish it."
        )
        fix = f"Set rollout.max_new_tokens: {longest.gold_tokens} or more, or leave such images out."
        found.append(Finding(Severity.WARNING, "answer-cut-off", says, longest.example.id, fix))
    shortest = min(asked, key=lambda one: one.gold_tokens)
    shortest_prompt = min(asked, key=lambda one: one.prompt_tokens)
    longest_prompt = max(asked, key=lambda one: one.prompt_tokens)
    says = (
        f"Prompts have {_span(f'{shortest_prompt.prompt_tokens}', f'{longest_prompt.prompt_tokens}')} tokens "
        f"({longest_prompt.image_tokens} of the longest for its image), right answers "
        f"{_span(f'{shortest.gold_tokens}', f'{longest.gold_tokens}')} ({len(asked)} questions)."
    )
    return [*found, Finding(Severity.NOTE, "tokens", says, case.data.root)]


def examine_pixels(case: ModelCase) -> list[Finding]:
    """How much images are shrunk, and which objects all but vanish: a warning where they are not few."""
    asked = [one for one in case.encoded if one.frames]
    if not asked:
        return []
    factors = [_factor(one) for one in asked]
    says = f"The model sees images at {median(factors):.0%} of their width and height"
    least, most = f"{min(factors):.0%}", f"{max(factors):.0%}"
    says += "." if least == most else f" ({least} to {most})."
    found = [Finding(Severity.NOTE, "resize", says, case.data.root)]
    tiny = {one.example.id: (side, one) for one in asked if (side := _seen_side_px(one)) < LEAST_PX}
    if tiny:
        side, worst = min(tiny.values(), key=lambda pair: pair[0])
        frame = worst.frames[0]
        wanted = frame.input_wh[0] * frame.input_wh[1] * (LEAST_PX / side) ** 2
        says = (
            f"{len(tiny)} of {len(asked)} questions are about objects less than {LEAST_PX:g} pixels wide or "
        )
        says += f"high after the resize; the smallest is {side:.1f} pixels."
        fix = "They are as small in the full image: cut the images into parts and enlarge these."
        if wanted <= frame.window_wh[0] * frame.window_wh[1]:
            fix = f"Set model.max_pixels: {round(wanted)} or more, or cut the images into parts."
        severity = Severity.WARNING if len(tiny) > FEW * len(asked) else Severity.NOTE
        found.append(Finding(severity, "tiny-objects", says, _place(worst.example), fix))
    return found


MODEL_EXAMINATIONS: Mapping[str, Callable[[ModelCase], list[Finding]]] = {
    "weights": examine_weights,
    "right answers": examine_gold,
    "memory": examine_memory,
    "several GPUs": examine_gpus,
    "drawn labels": examine_overlay,
    "sizes of images": examine_pixels,
    "lengths": examine_tokens,
}


def _span(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"


def _factor(one: EncodedQuestion) -> float:
    """Of lengths: the root of the factor of areas."""
    (w, h), (seen_w, seen_h) = one.frames[0].window_wh, one.frames[0].input_wh
    return float((seen_w * seen_h / (w * h)) ** 0.5)


def _seen_side_px(one: EncodedQuestion) -> float:
    (w, h), (seen_w, seen_h) = one.frames[0].window_wh, one.frames[0].input_wh
    sides = (min((x2 - x1) * seen_w / w, (y2 - y1) * seen_h / h) for x1, y1, x2, y2 in boxes_in(one.target))
    return min(sides, default=float("inf"))


def _place(example: Example) -> str:
    return str(example.media[0].path) if example.media else example.id
