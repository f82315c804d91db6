"""Sources, samplers, objectives and predictors that are to come, on the same seams."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
import torch
from seam_helpers import CLIP, COUNT, CUP, FORK, PHOTO, RENDERER, answered, ask, rewards
from test_reward_seams import EmaByTask
from test_task_seams import TemporalGrounding, ZoomedCount

from vrft.evaluation.predictor import Predictor
from vrft.inference.ask_options import AskOptions
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.rollout.driver import prompts_for, roll_out
from vrft.rollout.rollout_options import RolloutOptions
from vrft.rollout.scripted import ScriptedSampler
from vrft.tasks.registry import load_task, register
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.training.batch import Batch
from vrft.training.gold_source import GoldSource
from vrft.training.grpo import Forward, GrpoOptions, MicroBatchLoss
from vrft.training.losses import StepSize
from vrft.training.rollout_source import RolloutSource
from vrft.types import (
    Annotation,
    Answer,
    Boxes,
    Clock,
    Completion,
    Form,
    GateAnswer,
    Image,
    Number,
    Prediction,
    Record,
    RolloutGroup,
    SampleSeed,
    SamplingParams,
    TimeSpan,
)
from vrft.types.rows import group_from_row, group_to_row

COUNTING, DETECTION = register(COUNT()), load_task("detection")
FOUND = "<think>I look.</think><answer>[{'Position': [100, 100, 300, 500], 'Confidence': 0.9}]</answer>"
MIXED = [*COUNTING.examples([PHOTO]), *DETECTION.examples([PHOTO])]


def mixed_source(*texts: str, grpo: GrpoOptions | None = None, examples=MIXED, **options) -> RolloutSource:
    """Two tasks in one run: each has its own scorer, all groups of a step are seen by the advantage."""
    return RolloutSource(
        ScriptedSampler(*texts, by_chance=True),
        RENDERER,
        examples,
        {name: Scorer(load_task(name)) for name in {example.task for example in examples}},
        rollout=RolloutOptions(group_size=4, **options),
        grpo=grpo or GrpoOptions(),
        prompts_per_step=4,
    )


def test_two_tasks_share_a_run_and_their_scales_are_remembered():
    texts = (FOUND, answered("1"), answered("2"), "junk")
    through, stopped, later = (
        mixed_source(*texts, grpo=GrpoOptions(advantage=EmaByTask())) for _ in range(3)
    )
    first = through.batch(Clock(0, 9))
    assert Counter(g.example.task for g in first.groups) == {"count_boxes": 2, "detection": 2}
    for group in first.groups:
        terms = (
            {"exact", "close", "format"}
            if group.example.task == "count_boxes"
            else {"iou", "confidence", "format"}
        )
        assert all(set(r.terms) == terms and len(r.advantages) == 1 for r in group.rollouts)
    assert stopped.batch(Clock(0, 9)).groups == first.groups, "chance is the seed's and the place's"
    later.restore(json.loads(json.dumps(stopped.state())))
    assert later.batch(Clock(1, 9)).groups == through.batch(Clock(1, 9)).groups


def test_groups_without_signal_give_way_to_others():
    source = mixed_source(answered("1"), answered("2"), resample=2)
    batch = source.batch(Clock())
    assert batch.metrics["groups_drawn"] > 4 and len(batch.groups) == 4
    signals = [group.has_signal for group in batch.groups]
    assert signals == sorted(signals, reverse=True)


def test_a_contrast_is_drawn_where_the_task_asks_for_one():
    task = register(TemporalGrounding())
    moment = Annotation("phrase", "she sits", TimeSpan(1.0, 2.0))
    examples = task.examples([Record("v", (CLIP,), (moment,))])
    source = mixed_source(answered("1 to 2"), answered("2 to 3"), examples=examples)
    source.prompts_per_step = 1
    (group,) = source.batch(Clock()).groups
    assert group.contrast and all(r.example.media[0].order == (3, 2, 1, 0) for r in group.contrast)
    assert all(r.terms["order"] is not None for r in group.rollouts)


# ---- a log is a sampler: prompts, parsing and rewards are made anew by the same driver


class Replay:
    """Says what logged rollouts said, turn by turn."""

    def __init__(self, groups):
        rollouts = [r for g in groups for r in g.rollouts]
        most = max(len(r.turns) for r in rollouts)
        self.rounds = iter(
            [[r.turns[k].completion for r in rollouts if k < len(r.turns)] for k in range(most)]
        )

    def encode(self, prompts):
        return None

    def generate(self, prompts, n, params, draw, encoded=None):
        said = next(self.rounds)
        return [said[i * n : (i + 1) * n] for i in range(len(prompts))]

    def sync(self, policy, version): ...
    def close(self): ...


def test_a_log_gives_back_prompts_turns_and_rewards():
    task = register(ZoomedCount())
    texts = ["zoom(500, 0, 1000, 1000)", answered("2"), answered("1")]
    logged = ask(task, texts, task.examples([PHOTO]), 2)
    assert {len(r.turns) for g in logged for r in g.rollouts} == {1, 2}
    stored = [group_from_row(json.loads(json.dumps(group_to_row(3, group))))[1] for group in logged]
    replayed = ask(task, Replay(stored), [group.example for group in stored], 2)
    assert replayed == logged, "token ids of prompts are made anew"
    assert [[r.id for r in g.rollouts] for g in replayed] == [[r.id for r in g.rollouts] for g in stored]
    # A changed reward shows at once.
    halved = Scorer(task, RewardOptions(weights={"format": 0.5})).score(stored)
    assert [
        r - h
        for a, b in zip(logged, halved, strict=True)
        for r, h in zip(rewards(a), rewards(b), strict=True)
    ] == [r.terms["format"] / 2 for g in logged for r in g.rollouts]


# ---- a server behind the sampler protocol: token ids go out and come back, with the version of the weights


class Server:
    def __init__(self, post):
        self.post, self.version = post, 0

    def encode(self, prompts):
        return None

    def generate(self, prompts, n, params, draw, encoded=None):
        rows = [
            {
                "token_ids": p.token_ids,
                "images": [str(m.path) for m in p.media],
                "n": n,
                "seed": [draw.seed, place],
            }
            for p, place in zip(prompts, draw.places, strict=True)
        ]
        return [
            [
                Completion(
                    c["text"], tuple(c["token_ids"]), tuple(c["logprobs"]), policy_version=self.version
                )
                for c in each
            ]
            for each in self.post("generate", rows)
        ]

    def sync(self, policy, version):
        for what in ("pause", f"load adapters/{version:06d}", "resume"):
            self.post(what, None)
        self.version = version

    def close(self): ...


def test_a_server_is_a_sampler():
    calls = []

    def post(what, rows):
        calls.append(what)
        if rows is None:
            return None
        json.dumps(rows)
        return [[{"text": answered("1"), "token_ids": [1], "logprobs": [-0.2]}] * row["n"] for row in rows]

    server = Server(post)
    server.sync(None, 3)
    examples = COUNTING.examples([PHOTO])
    draw = SampleSeed(7, (4, 5), 9)
    drawn = roll_out(server, RENDERER, examples, 2, SamplingParams(), draw)
    assert calls == ["pause", "load adapters/000003", "resume", "generate"]
    assert {r.completion.policy_version for group in drawn for r in group} == {3}
    assert drawn[0][0].answer.value == Number(1.0) and drawn[0][0].mean_logprob == -0.2


# ---- supervised and preference learning are sources and objectives too


def test_gold_answers_are_groups_of_one_that_learn_the_end_token_too():
    (first, *_) = GoldSource(RENDERER, MIXED, prompts_per_step=3).batch(Clock()).groups
    (rollout,) = first.rollouts
    assert rollout.advantages == ((1.0,),) and rollout.turns[0].completion.token_ids[-1] == 0
    assert rollout.answer.value == first.example.target


@dataclass(frozen=True)
class Preferences:
    """Better and worse of a group, as groups of two."""

    groups: tuple[RolloutGroup, ...]
    margin: float = 0.2

    def batch(self, now):
        group = self.groups[now.step % len(self.groups)]
        pairs = [
            RolloutGroup(group.example, (replace(a, advantages=((1.0,),)), replace(b, advantages=((-1.0,),))))
            for a in group.rollouts
            for b in group.rollouts
            if a.reward - b.reward > self.margin
        ]
        return Batch(tuple(pairs), tuple(range(len(pairs))))


class Kto:
    """Desirable and undesirable answers, each by itself (arXiv 2402.01306, without its reference point)."""

    needs, updates, counts_truncated = frozenset({"reference"}), 1, True

    def __init__(self, beta: float = 0.1) -> None:
        self.beta = beta

    def __call__(self, forward: Forward, size: StepSize) -> MicroBatchLoss:
        mask = forward.mask_RA
        gain_R = ((forward.logprobs_RA - forward.others["reference"]) * mask).sum(1)
        loss = (1 - torch.sigmoid(self.beta * forward.advantages[:, 0] * gain_R)).sum() / size.rows
        return MicroBatchLoss(loss, {"loss": loss.item()})


def test_preferences_are_groups_of_two_and_their_objective_a_function():
    (group,) = ask(COUNTING, [answered("1"), answered("9"), "junk"], MIXED[:1], 3)
    pairs = Preferences((group,)).batch(Clock())
    assert [rewards(pair) for pair in pairs.groups] == [[3.0, 1.0], [3.0, 0.0], [1.0, 0.0]]
    on = torch.ones(2, 1, dtype=torch.bool)
    logprobs = torch.tensor([[2.0], [0.0]], requires_grad=True)
    forward = Forward(
        logprobs,
        on,
        logprobs,
        torch.tensor([[1.0], [-1.0]]),
        on[:, 0],
        {"reference": torch.tensor([[0.0], [-2.0]])},
    )
    part = Kto()(forward, StepSize(2, 2, 1))
    expected = [1 - 1 / (1 + math.exp(-0.1 * v * 2)) for v in (1, -1)]
    assert part.metrics["loss"] == pytest.approx(sum(expected) / 2)
    part.loss.backward()
    assert logprobs.grad[0] < 0 < logprobs.grad[1]


# ---- predictors: a policy with views, a gate, a detector


@dataclass(frozen=True)
class Detector:
    name: str
    boxes: Mapping[str, Boxes]

    def predict(self, examples, batch=0):
        return (Prediction(e, Answer(self.boxes.get(e.id, Boxes()), True)) for e in examples)


@dataclass
class Gated:
    """Asks on only where ``there`` does not say no: a presence task's policy, or the paper's exist_map."""

    name: str
    inner: Predictor
    there: Mapping[str, bool]

    def predict(self, examples, batch=0):
        open_ = [e for e in examples if self.there.get(e.question) is not False]
        asked = iter(self.inner.predict(open_, batch))
        for example in examples:
            gate = GateAnswer(Completion(""), self.there.get(example.question))
            if gate.present is False:
                yield Prediction(example, Answer(Boxes(), True), gate=gate)
            else:
                yield replace(next(asked), gate=gate)


def test_a_detector_and_a_gate_are_predictors():
    cups, forks = DETECTION.examples([PHOTO])
    detector = Detector("dino", {cups.id: Boxes((CUP,), (0.9,)), forks.id: Boxes((FORK,), (0.8,))})
    assert isinstance(detector, Predictor) and isinstance(Gated("x", detector, {}), Predictor)
    ap = DETECTION.metrics[0]
    assert ap.value(list(detector.predict([cups, forks]))) == pytest.approx(1.0)
    gated = list(Gated("gated", detector, {"fork": False}).predict([cups, forks]))
    assert [one.answer.value.size for one in gated] == [1, 0] and gated[1].gate.present is False
    assert ap.value(gated) == pytest.approx(0.5)


def test_a_policy_with_views_gives_all_answers_in_the_files_pixels():
    cups = replace(DETECTION.examples([PHOTO])[0], form=Form.DIRECT)
    text = FOUND.partition("</think>")[2]
    predictor = PolicyPredictor(ScriptedSampler(text), RENDERER, AskOptions(samples=3, flip=True))
    (prediction,) = predictor.predict([cups])
    views = [r.view for r in prediction.rollouts]
    assert isinstance(predictor, Predictor) and views[:2] == ["plain", "flip"]
    plain, flipped = (prediction.rollouts[i].answer.value.xyxy_px[0] for i in (0, 1))
    assert plain == CUP and flipped == (200.0 - CUP[2], CUP[1], 200.0 - CUP[0], CUP[3])
    images = {r.example.media[0] for r in prediction.rollouts if isinstance(r.example.media[0], Image)}
    assert {one.mirrored for one in images} == {False, True}


def test_prompts_need_no_policy():
    (prompt, *_) = prompts_for(RENDERER, MIXED)
    assert prompt.length == len(prompt.token_ids) and prompt.media == PHOTO.media
