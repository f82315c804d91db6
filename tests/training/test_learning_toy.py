"""Does it learn: 64 prompts of 32 actions, one of them right, and a control in which nothing can be learned.

The policy is a table of logits, so every step is exact but for its sampling: 300 steps of 16 prompts and 8
answers each, gradient descent with rate 0.5 a prompt, five seeds.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
import torch
from test_advantages import advantages_of, groups_of

from vrft.training.advantages import (
    ADVANTAGES,
    AbsoluteWeighted,
    EmaNormalized,
    GroupNormalized,
    TermNormalized,
    spread,
)
from vrft.training.losses import LOSSES, StepSize

PROMPTS, ACTIONS, PROMPTS_A_STEP, GROUP, STEPS, RATE = 64, 32, 16, 8, 300, 0.5
SEEDS = tuple(range(5))
ROWS = PROMPTS_A_STEP * GROUP
MASK = torch.ones((ROWS, 1), dtype=torch.bool)
SIZE = StepSize(ROWS, ROWS, 1)


class Raw:
    """No baseline: only right answers teach, as in rejection sampling."""

    def of(self, rewards_PG):
        return rewards_PG


def advantages_by(choose, rewards_PG):
    """(P, G); as arrays, for groups are slow to make (test_advantages holds the two together)."""
    if isinstance(choose, TermNormalized):
        scores_PG = choose.of(rewards_PG[..., None], np.ones(1))
        return scores_PG / spread(scores_PG, (0, 1), 0.0)
    if isinstance(choose, AbsoluteWeighted):
        return choose.of(GroupNormalized().of(rewards_PG), rewards_PG)
    if isinstance(choose, EmaNormalized):
        sigma = choose.sigma("only", rewards_PG.ravel())
        return np.stack([choose.of(rewards_G, sigma) for rewards_G in rewards_PG])
    return choose.of(rewards_PG)


def shuffled(rewards_PG, generator):
    """Each group's rewards in another order: they say nothing about the answers."""
    return rewards_PG.gather(1, torch.rand(rewards_PG.shape, generator=generator).argsort(1))


@cache
def learn_all(seeds, advantage="group_normalized", loss="grpo", updates=1, control=False, offline=False):
    """Train one policy a seed, all of them at once, for small products are slow; returns each one's P(right)
    before and after, and the statistics of each update."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    tables = [torch.randn((PROMPTS, ACTIONS), generator=g, dtype=torch.float64) for g in generators]
    rights = [torch.randint(ACTIONS, (PROMPTS,), generator=g) for g in generators]
    logits, right = torch.cat(tables), torch.cat(rights)
    first = torch.log_softmax(logits, -1)
    logits.requires_grad_()
    optimizer = torch.optim.SGD([logits], lr=RATE * PROMPTS_A_STEP)
    choose = [{**ADVANTAGES, "raw": Raw}[advantage]() for _ in seeds]
    mask = MASK.repeat(len(seeds), 1)
    seen = []

    def chances():
        found = torch.softmax(logits.detach(), -1)[torch.arange(len(right)), right]
        return found.view(len(seeds), PROMPTS).mean(1).tolist()

    starts = chances()
    for _ in range(STEPS):
        drawn = [torch.randperm(PROMPTS, generator=g)[:PROMPTS_A_STEP] for g in generators]
        at = torch.cat([places + number * PROMPTS for number, places in enumerate(drawn)])
        old = torch.log_softmax(logits.detach()[at], -1)
        chance = (first[at] if offline else old).exp().split(PROMPTS_A_STEP)
        actions, advantages = [], []
        for number, generator in enumerate(generators):
            own = torch.multinomial(chance[number], GROUP, replacement=True, generator=generator)
            rewards = (own == rights[number][drawn[number]][:, None]).double()
            rewards = shuffled(rewards, generator) if control else rewards
            actions.append(own)
            advantages.append(torch.from_numpy(advantages_by(choose[number], rewards.numpy())))
        actions, advantages = torch.cat(actions), torch.cat(advantages)
        for _ in range(updates):
            now = torch.log_softmax(logits[at], -1).gather(1, actions).view(-1, 1)
            old_RA = old.gather(1, actions).view(-1, 1) if updates > 1 else None
            # The size is that of one seed's step: the seeds learn beside each other, not together.
            part = LOSSES[loss]()(now, old_RA, advantages.view(-1, 1), mask, SIZE)
            optimizer.zero_grad()
            part.value.backward()
            optimizer.step()
            seen.append(
                (part.clipped_low_share.item(), part.clipped_high_share.item(), part.ratio_mean.item())
            )
    return tuple(zip(starts, chances(), strict=True)), tuple(seen)


def learn(seed, **settings):
    """One seed: P(right) before and after, and each update's statistics."""
    (ends,), seen = learn_all((seed,), **settings)
    return *ends, seen


def after(**settings):
    return [end for _, end in learn_all(SEEDS, **settings)[0]]


def test_grpo_learns_what_the_verifier_rewards():
    starts, ends = zip(*learn_all(SEEDS)[0], strict=True)
    assert mean(starts) == pytest.approx(1 / ACTIONS, abs=0.01)
    assert mean(ends) > 0.55
    assert min(ends) > 0.5


def test_nothing_is_learned_from_shuffled_rewards():
    """A rise here would be a leak: of a reward to another answer, or of the sampler."""
    for start, end in learn_all(SEEDS, control=True)[0]:
        assert end == pytest.approx(start, abs=0.02)
    assert mean(after(control=True)) == pytest.approx(1 / ACTIONS, abs=0.01)


def test_methods_rank_as_they_do_at_this_rate():
    """Offline rejection sampling, centered rewards, online rejection sampling, GRPO."""
    offline = mean(after(advantage="raw", offline=True))
    centered, online = mean(after(advantage="centered")), mean(after(advantage="raw"))
    grpo = mean(after())
    assert 0.1 < offline < centered < online < grpo - 0.2


def test_leave_one_out_learns_as_centered_does_at_a_rate_larger_by_g_over_g_minus_one():
    assert mean(after(advantage="leave_one_out")) > mean(after(advantage="centered"))


@pytest.mark.parametrize("advantage", sorted(ADVANTAGES))
def test_every_advantage_learns(advantage):
    assert mean(after(advantage=advantage)) > 0.2


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_every_loss_learns_with_one_update_and_with_several_and_not_from_noise(loss):
    assert learn(0, loss=loss)[1] > 0.5
    start, end, _ = learn(0, loss=loss, updates=3, control=True)
    assert end == pytest.approx(start, abs=0.03)
    assert learn(0, loss=loss, updates=3)[1] > learn(0, loss=loss)[1] + 0.1


def test_the_first_update_on_fresh_answers_clips_nothing_and_later_ones_do():
    seen = torch.tensor(learn(0, updates=3)[2]).view(STEPS, 3, 3)
    assert not seen[:, 0, :2].any()
    assert torch.allclose(seen[:, 0, 2], torch.ones(STEPS))
    assert seen[:, 2, 1].max() > 0.05
    assert (seen[:, 2, 2] - 1).abs().max() > 0.01


def test_the_document_tells_what_comes_out():
    text = (Path(__file__).parents[2] / "docs" / "algorithms.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)`([^|]*) \| (0\.\d+) ± 0\.\d+ \|$", text, re.MULTILINE)
    assert {name for name, _, _ in rows} == set(ADVANTAGES)
    for name, further, value in rows:
        found = mean(after(advantage=name, control="shuffled" in further))
        assert found == pytest.approx(float(value), abs=0.02), name


def test_groups_without_signal_leave_the_policy_alone():
    groups = groups_of([[[0.0], [0.0]], [[1.0], [0.0]]])
    advantages = torch.from_numpy(advantages_of(ADVANTAGES["group_normalized"](), groups)).float()
    now = torch.full((4, 1), -1.0, requires_grad=True)
    mask = torch.ones((4, 1), dtype=torch.bool)
    loss = LOSSES["grpo"]()(now, None, advantages.view(-1, 1), mask, StepSize(4, 4, 1))
    loss.value.backward()
    assert (now.grad.view(2, 2) != 0).all(1).tolist() == [g.has_signal for g in groups] == [False, True]
