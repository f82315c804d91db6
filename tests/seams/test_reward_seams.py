"""Rewards and advantages that are to come: people, servers, segmenters, majorities, parts of a thought,
memory."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from pydantic import PrivateAttr
from seam_helpers import (
    COUNT,
    PHOTO,
    LookAgain,
    answered,
    ask,
    pstdev,
    rewards,
    setting,
)

from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.fusion import Candidate
from vrft.tasks.registry import register, task_of
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.training.advantages import Advantage, Centered, filled, shuffled
from vrft.training.batch import Stateful
from vrft.types import Boxes, Clock, Number, PartReward, RolloutGroup

COUNTING = COUNT()
CUPS = COUNTING.examples([PHOTO])[0]


def scored(groups: Sequence[RolloutGroup], **terms) -> list[RolloutGroup]:
    task = type("Counting", (COUNT,), {"settings": setting(**terms)})()
    return Scorer(task, RewardOptions()).score(groups)


class Human:
    """A person's verdict in [-1, 1] by the rollout's id; who was not judged neither gains nor loses."""

    def __init__(self, verdicts):
        self.verdicts = verdicts

    def score_groups(self, groups, now):
        return [[self.verdicts.get(r.id) for r in g.rollouts] for g in groups]


class Served:
    """One request for all groups of a step; an entry that failed is a failure, not an abstention."""

    def __init__(self, post):
        self.post = post

    def score_groups(self, groups, now):
        rows = [
            {
                "id": r.id,
                "question": g.example.question,
                "image": str(g.example.image.path),
                "text": r.answer.text,
            }
            for g in groups
            for r in g.rollouts
        ]
        scores = iter(self.post(rows))
        return [[self.outcome(next(scores)) for _ in g.rollouts] for g in groups]

    def outcome(self, score):
        return TimeoutError("no score") if score == "timeout" else score


def test_a_person_a_server_and_a_bug_are_three_terms_of_one_reward():
    (group,) = ask(COUNTING, [answered("1"), answered("2")], [CUPS], 2)
    sent = []

    def post(rows):
        sent.extend(rows)
        return [0.9, "timeout"]

    (done,) = scored(
        [group],
        exact=lambda answer, target: float(answer.value == target),
        human=RewardTerm(Human({group.rollouts[0].id: -1.0}), low=-1.0),
        judge=RewardTerm(Served(post)),
        bug=lambda answer, target: 1 / 0,
    )
    assert rewards(done) == [1.0 - 1.0 + 0.9, 0.0]
    assert done.rollouts[1].terms == {"exact": 0.0, "human": None, "judge": 0.0, "bug": 0.0}
    assert [f.term for f in done.rollouts[1].failures] == ["judge", "bug"]
    assert sent[0] == {"id": group.rollouts[0].id, "question": "cup", "image": "a.jpg", "text": answered("1")}


class MaskIou:
    """Boxes of the answers prompt a segmenter: each image is encoded once for all groups of a step that
    show it."""

    def __init__(self, segment):
        self.segment, self.calls = segment, 0

    def score_groups(self, groups, now):
        asked = {}
        for r in (r for g in groups for r in g.rollouts):
            asked.setdefault(r.example.media, []).append(r.answer.as_(Boxes) or Boxes())
        masks = {media: iter(self.segment(media, boxes)) for media, boxes in asked.items()}
        self.calls += len(asked)
        return [
            [self.overlap(next(masks[r.example.media]), set(r.example.fields["region"])) for r in g.rollouts]
            for g in groups
        ]

    def overlap(self, mask, wanted):
        return len(mask & wanted) / len(mask | wanted)


def test_a_segmenter_sees_each_image_once_a_step():
    wanted = replace(CUPS, fields={"region": [0, 1, 2]})
    pair = ask(COUNTING, [answered("1")], [wanted, replace(wanted, id="again")], 2)
    sam = MaskIou(lambda media, boxes: [{0, 1, 2, 3} for _ in boxes])
    done = scored(pair, mask=RewardTerm(sam))
    assert sam.calls == 1 and [rewards(group) for group in done] == [[0.75, 0.75]] * 2


class Majority:
    """Right is what most of the group says (TTRL, arXiv 2504.16084): no label is needed."""

    def score_groups(self, groups, now):
        return [self.of(group) for group in groups]

    def of(self, group):
        task = task_of(group.example)
        vote = task.fuse([Candidate.of(r) for r in group.rollouts]).value
        return [float(vote is not None and task.success(r.answer, vote)) for r in group.rollouts]


def test_the_majority_rewards_questions_that_nobody_has_labelled():
    texts = [answered("3"), answered("3"), answered("4"), "junk"]
    (group,) = ask(COUNTING, texts, [replace(CUPS, target=None)], 4)
    assert [r.terms["exact"] for r in group.rollouts] == [None] * 4, "nothing to compare with: it abstains"
    (done,) = scored([group], vote=RewardTerm(Majority()), exact=COUNTING.settings["recommended"]["exact"])
    assert rewards(done) == [1.0, 1.0, 0.0, 0.0] and done.has_signal


# ---- rewards for parts: steps of a thought, and progress from turn to turn


class NamedSteps(COUNT):
    """Each <step> of a thought earns whether it names what the example's fields say."""

    name = "named_steps"

    def part_rewards(self, rollout):
        text, turn = rollout.completion.text, len(rollout.turns) - 1
        found = zip(re.finditer(r"<step>(.*?)</step>", text), rollout.example.fields["steps"], strict=False)
        return [PartReward(turn, match.span(), float(match[1] == wanted)) for match, wanted in found]


class ByPart(Advantage):
    """A token's advantage: the parts, normalized in the group, that end with it or after it."""

    def __call__(self, groups, now, weights=None):
        return [self.credited(group) for group in groups]

    def credited(self, group):
        amounts = [part.amount for r in group.rollouts for part in r.parts]
        mean, scale = (math.fsum(amounts) / len(amounts), pstdev(amounts) or 1.0) if amounts else (0.0, 1.0)

        def of(rollout):
            return tuple(
                tuple(
                    sum(
                        (part.amount - mean) / scale
                        for part in rollout.parts
                        if (part.turn, part.span[1]) >= (number, end)
                    )
                    for end in turn.completion.ends
                )
                for number, turn in enumerate(rollout.turns)
            )

        return replace(group, rollouts=tuple(replace(r, advantages=of(r)) for r in group.rollouts))


def test_credit_goes_to_the_steps_of_a_thought():
    task = register(NamedSteps())
    stepped = replace(CUPS, task=task.name, fields={"steps": ["seven", "two"]})
    texts = ["<step>seven</step><step>two</step><answer>1</answer>", "<step>seven</step><step>no</step>"]
    (group,) = ask(task, texts, [stepped], 2)
    assert [part.amount for part in group.rollouts[1].parts] == [1.0, 0.0]
    (done,) = ByPart()([group], Clock())
    advantages = done.rollouts[1].advantages[0]
    assert len(advantages) == len(done.rollouts[1].turns[0].completion.token_ids)
    assert (
        advantages[0] < 0 and advantages[0] < done.rollouts[0].advantages[0][0] and len(set(advantages)) == 2
    )


class Progress(COUNT):
    """Each attempt is rewarded for how much it is better than the one before."""

    name, environment = "progress", LookAgain()

    def part_rewards(self, rollout):
        parts, before = [], 0.0
        for number, turn in enumerate(rollout.turns):
            said = self.parse_turns(rollout.example, rollout.turns[: number + 1])
            now = self.settings["recommended"]["close"](said, rollout.example.target)
            parts.append(PartReward(number, (0, len(turn.completion.text)), now - before))
            before = now
        return parts


def test_a_later_turn_is_rewarded_for_its_progress():
    task = register(Progress())
    twice = replace(CUPS, task=task.name, target=Number(2.0))
    (group,) = ask(task, [answered("1"), answered("2")], [twice], 1)
    assert [part.amount for part in group.rollouts[0].parts] == [0.5, 0.5]
    (done,) = ByPart()([group], Clock())
    assert [len(own) for own in done.rollouts[0].advantages] == [
        len(turn.completion.token_ids) for turn in group.rollouts[0].turns
    ]


# ---- advantages


def earned(*amounts: float, task: str = "count_boxes") -> RolloutGroup:
    (group,) = ask(COUNTING, [answered("1")], [CUPS], len(amounts))
    pairs = zip(group.rollouts, amounts, strict=True)
    return RolloutGroup(replace(CUPS, task=task), tuple(replace(r, reward=a) for r, a in pairs))


class EmaByTask(Advantage):
    """A task's own scale in a mixed run, which a resumed run remembers (EMA-GRPO)."""

    decay: float = 0.99
    _moments: dict[str, list[float]] = PrivateAttr(default_factory=dict)

    def __call__(self, groups, now, weights=None):
        for name in sorted({g.example.task for g in groups}):
            r = [r.reward for g in groups if g.example.task == name for r in g.rollouts]
            new, old = (
                [math.fsum(r) / len(r), math.fsum(x * x for x in r) / len(r)],
                self._moments.get(name, [0.5] * 2),
            )
            self._moments[name] = [
                self.decay * o + (1 - self.decay) * n for o, n in zip(old, new, strict=True)
            ]
        done = []
        for group in Centered()(groups, now):
            first, second = self._moments[group.example.task]
            scale = max(1e-3, math.sqrt(second - first * first))
            done.append(filled(group, [r.advantages[0][0] / scale for r in group.rollouts]))
        return done

    def state(self):
        return dict(self._moments)

    def restore(self, state):
        self._moments = dict(state)


def test_an_advantage_may_remember_and_a_resumed_run_goes_on_to_the_bit():
    ema = EmaByTask()
    assert isinstance(ema, Stateful) and not isinstance(Centered(), Stateful)
    (done,) = ema([earned(1, *(0,) * 7)], Clock())
    assert [round(r.advantages[0][0], 5) for r in done.rollouts[:2]] == [1.75005, -0.25001]
    resumed = EmaByTask()
    resumed.restore(json.loads(json.dumps(ema.state())))
    mixed = [earned(1, 0), earned(3, 1, task="other")]
    assert resumed(mixed, Clock(1)) == ema(mixed, Clock(1)) and set(ema.state()) == {"count_boxes", "other"}


class Absolute(Advantage):
    """An inner advantage times reward to a power (AP-GRPO)."""

    inner: Advantage = Centered()
    alpha: float = 1.0

    def __call__(self, groups, now, weights=None):
        return [
            filled(g, [r.advantages[0][0] * max(r.reward, 0.0) ** self.alpha for r in g.rollouts])
            for g in self.inner(groups, now, weights)
        ]


def test_an_advantage_wraps_another():
    assert [r.advantages[0][0] for r in Absolute()([earned(1, 0)], Clock())[0].rollouts] == [0.5, 0.0]


class Teacher(Advantage):
    """On-policy distillation as policy gradient: log teacher - log student of each sampled token."""

    _scorer: object = PrivateAttr(None)

    @classmethod
    def of(cls, scorer):
        made = cls()
        made._scorer = scorer
        return made

    def __call__(self, groups, now, weights=None):
        return [replace(g, rollouts=tuple(map(self.taught, g.rollouts))) for g in groups]

    def taught(self, rollout):
        theirs = self._scorer.logprobs(rollout.turns)
        pairs = zip(theirs, (turn.completion.logprobs for turn in rollout.turns), strict=True)
        return replace(rollout, advantages=tuple(tuple(np.subtract(a, b).tolist()) for a, b in pairs))


class Fixed:
    """A token scorer that gives every token one log-probability."""

    def __init__(self, value):
        self.value = value

    def logprobs(self, turns):
        return [(self.value,) * len(turn.completion.token_ids) for turn in turns]


def test_a_teachers_word_on_every_token_is_an_advantage():
    (done,) = Teacher.of(Fixed(-0.3))([earned(1, 0)], Clock())
    assert {round(a, 3) for a in done.rollouts[0].advantages[0]} == {-0.2}


def test_the_shuffled_control_mixes_what_others_earned():
    (done,) = shuffled(Centered(), [earned(3, 1, 2)], Clock(), None, seed=0)
    assert sorted(r.advantages[0][0] for r in done.rollouts) == [-1.0, 0.0, 1.0]


def test_off_policy_value_of_logged_answers():
    (group,) = ask(COUNTING, [answered("1"), answered("12345")], [CUPS], 2)

    def worth(rollouts, policy):
        """Self-normalized value of a policy on logged answers, and the effective sample size."""
        logged = [math.fsum(p for turn in r.turns for p in turn.completion.logprobs) for r in rollouts]
        theirs = [math.fsum(map(math.fsum, policy.logprobs(r.turns))) for r in rollouts]
        weights = np.exp(np.subtract(theirs, logged))
        return float(weights @ [r.reward for r in rollouts] / weights.sum()), weights.sum() ** 2 / (
            weights**2
        ).sum()

    value, size = worth(group.rollouts, Fixed(-0.1))
    assert (value, size) == (pytest.approx(np.mean(rewards(group))), pytest.approx(2))
    assert worth(group.rollouts, Fixed(-0.3))[0] > value, (
        "the shorter answer is likelier under a steeper policy"
    )
