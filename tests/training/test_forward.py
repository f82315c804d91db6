"""What an objective sees: turns of any kind joined to their rollout, and whole distributions by chunks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from planted import question

from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.rollout import logprobs
from vrft.rollout.hidden_states import plain_hidden
from vrft.rollout.prompt_batch import answer_batch
from vrft.training.batch import Batch
from vrft.training.grpo import CrossEntropy, GrpoObjective, GrpoOptions, MicroBatchLoss
from vrft.training.reference import Reference
from vrft.training.train_step import TrainStep
from vrft.types import Answer, Clock, Completion, Image, Message, Rollout, RolloutGroup, Turn

SAID = ((5, 9, 11), (7, 6), (8,), (10, 12, 14, 15))


@pytest.fixture
def policy(tiny_folders):
    return load_policy(ModelOptions(path=str(tiny_folders["qwen2_vl"]), device="cpu", dtype="float64"))


@pytest.fixture
def shown(images):
    return [Image(path, (64, 48)) for path in images[:2]]


class Fixed:
    """A source that gives the same groups at every step."""

    def __init__(self, *groups):
        self.groups = groups

    def batch(self, now):
        return Batch(self.groups, tuple(range(len(self.groups))), max_tokens=8)


def completion(ids):
    return Completion(policy_text(ids), ids, (-0.5,) * len(ids), finish_reason="stop")


def policy_text(ids):
    return " ".join(map(str, ids))


def group_of(policy, shown, turns_of):
    """A group whose rollouts are made of given turns, with one advantage for each rollout."""
    example = question(shown[0].path, shown[0].size_wh, "q")
    example = replace(example, media=(shown[0],))
    first = policy.first([Message("user", (shown[0], "How many?"))])
    rollouts = []
    for turns, advantage in zip(turns_of(first), (1.0, -0.5), strict=True):
        each = tuple((advantage,) for _ in turns)
        rollouts.append(Rollout(example, turns, Answer(None, False), advantages=each))
    return RolloutGroup(example, tuple(rollouts))


def zooming(policy, shown):
    """Two rollouts of two turns; before the second, the environment shows a further image."""

    def turns_of(first):
        for one, two in (SAID[:2], SAID[2:]):
            second = policy.following(first, completion(one), [Message("user", (shown[1], "Closer."))])
            yield (Turn(first, completion(one)), Turn(second, completion(two)))

    return group_of(policy, shown, turns_of)


def token_logprobs(policy, turn):
    """Of a turn's tokens under its own prompt, from one plain forward pass of the model."""
    ids = turn.completion.token_ids
    hidden = plain_hidden(policy, [turn.prompt], answer_batch(policy, [ids]), 1)
    logits = policy.core.get_output_embeddings()(hidden)
    return F.log_softmax(logits, -1)[torch.arange(len(ids)), torch.tensor(ids)]


def gradient(policy):
    found = {n: p.grad.clone() for n, p in policy.model.named_parameters() if p.grad is not None}
    policy.model.zero_grad()
    return found


def assert_same(own, expected):
    assert own.keys() == expected.keys()
    assert any(g.abs().max() > 1e-4 for g in expected.values())
    for name, wanted in expected.items():
        torch.testing.assert_close(own[name], wanted, rtol=1e-5, atol=1e-7, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("method", ["shared", "packed", "plain"])
def test_a_later_turn_with_a_further_image_is_trained_on(policy, shown, method):
    """Against the formula of the loss, a mean over each rollout's tokens, written out on plain passes."""
    group = zooming(policy, shown)
    objective = GrpoObjective(GrpoOptions(kl={"beta": 0.0}))
    row = TrainStep(policy, Fixed(group), objective, method=method)(Clock())
    own = gradient(policy)
    with policy.learning():
        each = [
            (r.advantages[0][0], torch.cat([token_logprobs(policy, turn) for turn in r.turns]))
            for r in group.rollouts
        ]
        loss = sum(-a * (torch.exp(logp - logp.detach())).mean() for a, logp in each) / len(each)
        loss.backward()
    assert row["loss"] == pytest.approx(loss.item())
    assert_same(own, gradient(policy))


def test_turns_that_only_add_text_share_one_row_and_what_was_shown_is_not_trained_on(policy, shown):
    def turns_of(first):
        for one, two in (SAID[:2], SAID[2:]):
            second = policy.following(first, completion(one), [Message("user", ("Again.",))])
            yield (Turn(first, completion(one)), Turn(second, completion(two)))

    group = group_of(policy, shown, turns_of)
    row = TrainStep(policy, Fixed(group), CrossEntropy(), method="shared")(Clock())
    own = gradient(policy)
    with policy.learning():
        each = [torch.cat([token_logprobs(policy, turn) for turn in r.turns]) for r in group.rollouts]
        loss = -torch.cat(each).mean()
        loss.backward()
    assert row["loss"] == pytest.approx(loss.item())
    assert_same(own, gradient(policy))


def test_a_question_asked_twice_in_a_step_is_two_groups(policy, shown):
    """Their prompts are equal, and follow each other."""

    def turns_of(first):
        return [(Turn(first, completion(SAID[0])),), (Turn(first, completion(SAID[1])),)]

    group = group_of(policy, shown, turns_of)
    source = Fixed(group, group)
    encoded = TrainStep(policy, source, CrossEntropy(), method="shared").answer_scorer
    batch = replace(source.batch(Clock()), encoded=None)
    with policy.learning():
        batch = replace(batch, encoded=encoded([g.rollouts[0].turns[0].prompt for g in batch.groups]))
        source.batch = lambda now: batch
        twice = TrainStep(policy, source, CrossEntropy(), method="shared", answer_scorer=encoded)(Clock())
    own = gradient(policy)
    once = TrainStep(policy, Fixed(group), CrossEntropy(), method="shared")(Clock())
    assert twice["loss"] == pytest.approx(once["loss"])
    assert_same(own, gradient(policy))


class ReverseKl:
    """Distillation on the policy's own answers: KL(policy, teacher) at every token (arXiv 2306.13649)."""

    needs = frozenset()
    updates = 1
    counts_truncated = True

    def __call__(self, forward, size):
        each_RA = forward.per_token(lambda own, their: (own.exp() * (own - their)).sum(-1), "teacher")
        loss = (each_RA * forward.mask_RA).sum() / size.tokens
        return MicroBatchLoss(loss, {"loss": loss.item()})


def test_a_teachers_whole_distribution_is_compared_by_chunks(policy, shown, monkeypatch):
    monkeypatch.setattr(logprobs, "CHUNK_LOGITS", 2 * 2 * policy.vocabulary)  # two tokens of two policies

    def turns_of(first):
        return [(Turn(first, completion(SAID[0])),), (Turn(first, completion(SAID[3])),)]

    group = group_of(policy, shown, turns_of)
    teacher = Reference(policy)
    with torch.no_grad():
        for weight in policy.model.parameters():
            if weight.requires_grad:
                weight.add_(0.05 * torch.randn_like(weight))
    step = TrainStep(policy, Fixed(group), ReverseKl(), method="shared", others={"teacher": teacher})
    row = step(Clock())
    own = gradient(policy)

    def dense(model, turn):
        ids = turn.completion.token_ids
        hidden = plain_hidden(model, [turn.prompt], answer_batch(model, [ids]), 1)
        return F.log_softmax(model.core.get_output_embeddings()(hidden), -1)

    with policy.learning():
        turns = [r.turns[0] for r in group.rollouts]
        ours = torch.cat([dense(policy, turn) for turn in turns])
        with torch.no_grad():
            theirs = torch.cat([dense(teacher._twin, turn) for turn in turns])
        loss = (ours.exp() * (ours - theirs)).sum(-1).mean()
        loss.backward()
    assert row["loss"] == pytest.approx(loss.item()) and loss.item() > 1e-4
    assert_same(own, gradient(policy))
