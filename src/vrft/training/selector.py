"""Asks the questions that a rule of ``data.select`` chooses, and remembers how they were answered."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from vrft.data.selection import KEPT, Outcome, QuestionWeight, Results, SelectionRule, systematic_draws
from vrft.data.splits.manifest import question_digest
from vrft.errors import ConfigError
from vrft.tasks.rollout_facts import outcome
from vrft.training.batch import Row
from vrft.training.mixture import place_in_epoch
from vrft.types import Clock, Example, RolloutGroup

Ask = Callable[[int, Sequence[Example]], Sequence[RolloutGroup]]
"""From the number of a draw and its questions to their scored groups, of every process."""
SELECTION = "selection.json"
"""Of a run: what its rule says of each training question at the end, and how often it was asked."""
FIRST_PASS = 1 << 20
"""Numbers of the first pass's draws begin here, away from those of a step."""
_NONE: Mapping[str, Sequence[Outcome]] = MappingProxyType({})
_LOGGER = logging.getLogger("vrft.training")


class Selector:
    """Which questions are asked next: epochs of weighted draws, each from the newest answers.

    An epoch has as many draws as there are questions with a weight above 0. Its order depends on the seed and
    on what it remembers, which is all in ``state``; every process sees all groups, so all choose alike.

    Args:
        examples: the training part.
        rule: of ``data.select``.
        known: answers of the policy that the run begins with, by the question's id.
    """

    def __init__(
        self, examples: Sequence[Example], rule: SelectionRule, known: Mapping[str, Sequence[Outcome]] = _NONE
    ) -> None:
        self.examples, self.rule = examples, rule
        ids = {example.id for example in examples}
        self._outcomes = {id: list(given)[-rule.samples :] for id, given in known.items() if id in ids}
        self._epoch, self._queue = 0, list[int]()
        self._weighed: list[QuestionWeight] = []
        self._asked: Counter[str] = Counter()

    def first_pass(self, ask: Ask, at_once: int) -> Row:
        """Answers to the questions of which fewer are known than the rule judges by; what that took."""
        drawn: list[RolloutGroup] = []
        number = FIRST_PASS
        while missing := [e for e in self.examples if len(self._outcomes.get(e.id, ())) < self.rule.samples]:
            for start in range(0, len(missing), at_once):
                groups = ask(number, missing[start : start + at_once])
                self._remember(groups)
                drawn += groups
                number += 1
        rollouts = [rollout for group in drawn for rollout in group.rollouts]
        tokens = sum(rollout.n_tokens for rollout in rollouts)
        return {"selection_answers": len(rollouts), "selection_tokens": tokens} if rollouts else {}

    def take(self, now: Clock, count: int) -> list[Example]:
        """The next questions; epochs run into each other."""
        taken: list[int] = []
        while len(taken) < count:
            if not self._queue:
                self._begin_epoch(now.seed)
            missing = count - len(taken)
            taken, self._queue = taken + self._queue[:missing], self._queue[missing:]
        return [self.examples[place] for place in taken]

    @property
    def pool(self) -> list[Example]:
        """The questions that the rule keeps now; all of them where it keeps none."""
        kept = [e for e, v in zip(self.examples, self._weighed, strict=True) if v.weight > 0]
        return kept or list(self.examples)

    def place(self) -> str:
        """Where it is in the epochs of its own draws, in words."""
        size = sum(one.weight > 0 for one in self._weighed) or len(self.examples)
        return place_in_epoch(self._epoch * size - len(self._queue), size)

    def see(self, groups: Iterable[RolloutGroup]) -> None:
        """Remember how a step's questions were answered."""
        seen = list(groups)
        self._asked.update(group.example.id for group in seen)
        self._remember(seen)

    def row(self) -> Row:
        """What a step logs: how many questions the rule keeps, and how many there are for each reason."""
        kept = sum(v.weight > 0 for v in self._weighed)
        return {"selection": {**self._counts(), KEPT: kept, "of": len(self.examples)}}

    def described(self) -> dict[str, Any]:
        """What is known of each question, for people."""
        rows = []
        for example, one in zip(self.examples, self._weighed, strict=True):
            results = Results.of(self._outcomes[example.id])
            counted = {"asked": self._asked[example.id], **asdict(results)}
            rows.append({"id": example.id, "why": one.why, "weight": one.weight, **counted})
        return {"epochs": self._epoch, "questions": rows}

    def state(self) -> Any:
        return {
            "outcomes": {
                id: [[bool(right), score] for right, score in own] for id, own in self._outcomes.items()
            },
            "epoch": self._epoch,
            "queue": self._queue,
            "weighed": [[v.weight, v.why] for v in self._weighed],
            "asked": dict(self._asked),
        }

    def restore(self, state: Any) -> None:
        self._outcomes = {
            id: [(right, score) for right, score in own] for id, own in state["outcomes"].items()
        }
        self._epoch, self._queue = state["epoch"], list(state["queue"])
        self._weighed = [QuestionWeight(weight, why) for weight, why in state["weighed"]]
        self._asked = Counter(state["asked"])

    def _remember(self, groups: Sequence[RolloutGroup]) -> None:
        for group in groups:
            own = [*self._outcomes.get(group.example.id, ()), *map(outcome, group.rollouts)]
            self._outcomes[group.example.id] = own[-self.rule.samples :]

    def _begin_epoch(self, seed: int) -> None:
        results = [Results.of(self._outcomes[example.id]) for example in self.examples]
        self._weighed = found = self.rule.weigh(results, self._epoch)
        weights = np.array([one.weight for one in found], dtype=np.float64)
        if not (np.isfinite(weights) & (weights >= 0)).all():
            raise ConfigError(f"data.select: {type(self.rule).__name__} gave a weight below 0, or no number.")
        kept = int((weights > 0).sum())
        if not kept:
            why = ", ".join(f"{name}: {count}" for name, count in self._counts().items())
            _LOGGER.warning(
                f"data.select keeps none of {len(found)} questions ({why}), so all are asked. Change its "
                "bounds where that goes on."
            )
            weights, kept = np.ones(len(found)), len(found)
        weights = (1 - self.rule.floor) * weights / weights.sum() + self.rule.floor / len(found)
        rng = np.random.default_rng([seed, self._epoch, 1])
        # Neighbours share their draws out among each other, so questions of one kind are put together.
        order = sorted(rng.permutation(len(found)).tolist(), key=lambda place: found[place].why)
        drawn = [order[place] for place in systematic_draws(weights[order], kept, rng)]
        self._queue, self._epoch = rng.permutation(drawn).tolist(), self._epoch + 1

    def _counts(self) -> dict[str, int]:
        return dict(sorted(Counter(one.why for one in self._weighed).items()))


def known_outcomes(
    path: Path, form: str, model: str, examples: Mapping[str, Example]
) -> dict[str, list[Outcome]]:
    """What a probe of a model found of each question in one form, by the question's id.

    Args:
        path: of the probe.
        form: of the answers.
        model: that answered.
        examples: the run's questions by the ids that they have in a run of their own.

    Raises:
        ConfigError: there is no probe, or it is of another model, other images, or other labels.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        probes = read["probes"] if "probes" in read else [read["probe"]]
        own: Mapping[str, Any] = next((probe for probe in probes if probe["form"] == form), {})
        known = {
            id: [(bool(right), float(score)) for right, score in said]
            for id, said in own.get("outcomes", {}).items()
            if said and id in examples
        }
        digests = dict(own.get("digests", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"data.select.probe: {path} cannot be read as a probe ({type(error).__name__}: {error}). Name a "
            "probe.json that vrft probe or vrft fit wrote, or leave the key out."
        ) from error
    if read.get("model") != model:
        raise ConfigError(
            f"data.select.probe: {path} is of the model {read.get('model')}, and this run begins with "
            f"{model}. Leave the key out: then the run asks by itself."
        )
    if known and not digests:
        _LOGGER.warning(
            f"data.select.probe: {path} is of an earlier version, which did not say of which images it is, "
            "so the run asks by itself. Probe again to save that."
        )
        return {}
    if changed := [id for id in known if digests.get(id) != question_digest(examples[id])]:
        raise ConfigError(
            f"data.select.probe: {path} was made with other images, questions or labels: {len(changed)} of "
            f"{len(known)} differ, such as '{changed[0]}'. Probe again, or leave the key out: then the run "
            "asks by itself."
        )
    return known
