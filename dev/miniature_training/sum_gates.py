"""What ``miniature-reasoning`` can do: reading digits, adding, whole chains; and what it shows when asked."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage

from miniature_training.sum_corpus import READ, STEP_BY_STEP
from vrft.miniature.scenes import SIZE, Scene
from vrft.miniature.sums import NUMBERS, SUM, draw_sum, in_order, total_of
from vrft.models.policy import Policy
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.tasks.registry import load_task
from vrft.types import Example, Form, Image, Label, Message, SampleSeed, SamplingParams

SUM_GATES = {"reads_two": 0.7, "adds": 0.97, "chain_two": 0.65}
MOST_LOST = 0.03
"""Of an old skill, against the miniature."""
SAMPLES = 8


class _Asker:
    """Puts questions about scenes to a policy."""

    def __init__(self, policy: Policy, folder: Path) -> None:
        self.policy, self.sampler, self.folder = policy, SharedPromptSampler(policy), folder
        self.paths: dict[int, Path] = {}
        """Of scenes by identity: an image that was seen is not read again from a path."""

    def ask(
        self, scenes: Sequence[Scene], texts: Sequence[str], samples: int = 1, seed: int = 0
    ) -> list[list[str]]:
        """The answers to each; greedy where one is asked for, else sampled at temperature 1."""
        params = SamplingParams(temperature=0.0 if samples == 1 else 1.0, max_new_tokens=96)
        found: list[list[str]] = []
        for begin in range(0, len(scenes), 50):
            images = []
            for scene in scenes[begin : begin + 50]:
                if id(scene) not in self.paths:
                    self.paths[id(scene)] = self.folder / f"{len(self.paths)}.png"
                    PILImage.fromarray(scene.pixels).save(self.paths[id(scene)])
                images.append(Image(self.paths[id(scene)], (SIZE, SIZE)))
            shown = zip(images, texts[begin : begin + 50], strict=True)
            prompts = [self.policy.first([Message("user", one)]) for one in shown]
            drawn = self.sampler.generate(
                prompts, samples, params, SampleSeed.whole(len(prompts), seed + begin)
            )
            found += [[one.text for one in group] for group in drawn]
        return found


def sums(policy: Policy, count: int = 300) -> dict[str, Any]:
    """Skills and habits of adding, on glyphs that no training has seen.

    Returns:
        Shares in [0, 1]: reading two and three digits, adding two digits and a digit to a larger sum, native
        chains that end in the right sum, greedy answers to the task's question in both forms, and of sampled
        thoughts the share that works something out, with the accuracy of those and of the others.
    """
    with tempfile.TemporaryDirectory() as scratch:
        asker = _Asker(policy, Path(scratch))
        found: dict[str, Any] = {}
        scenes = {}
        for digits, word in ((2, "two"), (3, "three")):
            drawn = [draw_sum(np.random.default_rng([11, digits, i, 1]), "val", digits) for i in range(count)]
            scenes[digits] = drawn
            read = asker.ask(drawn, [READ] * count)
            names = [[o.category for o in in_order(scene.objects)] for scene in drawn]
            found[f"reads_{word}"] = _mean(a == ", ".join(n) for (a,), n in zip(read, names, strict=True))
            chains = asker.ask(drawn, [f"{STEP_BY_STEP} {SUM}"] * count)
            ends = [f"The answer is {total_of(n)}." for n in names]
            found[f"chain_{word}"] = _mean(a.endswith(end) for (a,), end in zip(chains, ends, strict=True))
        pairs = [(a, b) for a in range(19) for b in range(10)]
        added = asker.ask(
            [scenes[2][i % count] for i in range(len(pairs))],
            [f"What is {NUMBERS[a]} plus {NUMBERS[b]}?" for a, b in pairs],
        )
        hits = [(a > 9, text == NUMBERS[a + b]) for (text,), (a, b) in zip(added, pairs, strict=True)]
        found["adds"] = _mean(hit for further, hit in hits if not further)
        found["adds_on"] = _mean(hit for further, hit in hits if further)
        return found | _asked(asker, scenes[2])


def _asked(asker: _Asker, scenes: Sequence[Scene]) -> dict[str, float]:
    """What the task's own question brings."""
    task, found = load_task("reasoning"), {}
    for form in Form:
        target = [Label(total_of([o.category for o in scene.objects])) for scene in scenes]
        examples = [Example("gate", "gate", task.name, (), SUM, label, form=form) for label in target]
        texts = [task.question(example, []) for example in examples]

        def right(text: str, example: Example) -> bool:
            return task.success(task.parse(text, example, []), example.target or Label(""))

        greedy = asker.ask(scenes, texts)
        found[f"{form}_greedy"] = _mean(right(t, e) for (t,), e in zip(greedy, examples, strict=True))
        sampled = asker.ask(scenes, texts, SAMPLES, seed=1)
        flat = [(t, right(t, e)) for group, e in zip(sampled, examples, strict=True) for t in group]
        found[f"{form}_sampled"] = _mean(hit for _, hit in flat)
        found[f"{form}_pass_at_{SAMPLES}"] = _mean(
            any(right(t, e) for t in group) for group, e in zip(sampled, examples, strict=True)
        )
        if form is Form.THINK:
            works = [(bool(task.shows_work(text)), hit) for text, hit in flat]
            found["chains_sampled"] = _mean(work for work, _ in works)
            found["chains_right"] = _mean(hit for work, hit in works if work)
            found["guesses_right"] = _mean(hit for work, hit in works if not work)
            found["chains_among_right"] = _mean(work for work, hit in works if hit)
    return found


def _mean(flags: Any) -> float:
    values = [float(flag) for flag in flags]
    return float(np.mean(values)) if values else 0.0
