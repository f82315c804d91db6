"""The objectives: what is minimized on a step's groups. GRPO and its kin on sampled answers, cross-entropy
on gold.

An objective is called for each micro-batch; the parts add up to the step's, so it divides by what the whole
step has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import Field

from vrft.training.advantages import ADVANTAGES, Advantage, GroupNormalized
from vrft.training.consistency import ConsistencyOptions
from vrft.training.difficulty_weight import DifficultyWeight
from vrft.training.kl import ESTIMATORS, KlOptions, KlTerm
from vrft.training.losses import LOSSES, Grpo, PolicyLoss, StepSize, number_loss, sequence_mean, token_mean
from vrft.types.options import Choice, Options

if TYPE_CHECKING:
    import torch

    from vrft.training.written_numbers import NumberMeans


class GrpoOptions(Options):
    """The algorithm of RFT."""

    advantage: Annotated[Advantage, Choice(ADVANTAGES, default="group_normalized")] = GroupNormalized()
    """How rewards are compared: a name, or {name: ..., options}."""
    loss: Annotated[PolicyLoss, Choice(LOSSES, default="grpo")] = Grpo()
    """The policy loss: a name, or {name: ..., options}."""
    difficulty_weight: DifficultyWeight | None = None
    """Weigh each group's advantages by its difficulty and by how far its answers differ; null does not."""
    consistency: ConsistencyOptions | None = None
    """Pay right answers more that their own thought makes likely; null does not. Needs ``form: think``."""
    kl: KlOptions = KlOptions()
    updates: int = Field(1, ge=1)
    """Optimizer steps on the same answers."""
    only_signal: bool = False
    """Groups whose answers all get the same reward leave the step: no KL term, and the loss is a mean over
    the others."""
    mask_truncated: bool = False
    """Answers that met the length limit give no gradient; they still count in their group's mean (DAPO's
    overlong filtering, arXiv 2503.14476, section 3.4)."""
    logprob_method: Literal["auto", "shared", "packed", "plain"] = "auto"
    """How log-probabilities are computed; 'auto' shares the prompt where the first comparison allows it."""
    confidence_weight: float = Field(0.0, ge=0)
    """Weight of a further term, by which the mean of each written confidence moves towards the IoU of its
    box, on the policy's own answers; needs evaluation.score: expected. 0 leaves it away."""
    importance_cap: float | None = Field(None, ge=1)
    """Weigh each token by its probability under the policy over that under the sampler, at most this
    (truncated importance sampling; 2 is usual): for servers, which compute otherwise. null does not."""
    shuffle_rewards: bool = False
    """The shuffled-reward control: rewards are shuffled within each group, so nothing can be learned."""


@dataclass(frozen=True)
class Forward:
    """One pass over a micro-batch of whole groups. Axes: R answers, A tokens.

    Args:
        logprobs_RA: under the policy, with gradient; 0 where there is no token.
        mask_RA: True where a token was said, and counts.
        sampled_RA: under the policy that sampled, as it was then.
        advantages: (R, 1), or (R, A) where they differ by token.
        finished_R: True where the model ended its answer.
        others: log-probabilities under other policies ('reference', 'teacher'), without gradient.
        first_update: the policy is the one that sampled.
        per_token: ``per_token(function, *others)`` gives (R, A) numbers ``function(own, *others')`` on whole
            distributions, each (n, V) log-probabilities, by chunks, so that all of them never exist at one
            time; a pass of its own, with gradient.
        numbers: numbers that the answers write, and what they should be; a pass of its own, with gradient.
        own_RA: as ``sampled_RA``, by this process: as it was at the first update; None takes the sampler's.
    """

    logprobs_RA: torch.Tensor
    mask_RA: torch.Tensor
    sampled_RA: torch.Tensor
    advantages: torch.Tensor
    finished_R: torch.Tensor
    others: Mapping[str, torch.Tensor]
    first_update: bool = True
    per_token: Callable[..., torch.Tensor] | None = None
    numbers: Callable[[], NumberMeans] | None = None
    own_RA: torch.Tensor | None = None


@dataclass(frozen=True)
class MicroBatchLoss:
    """A micro-batch's part of the step's loss, and of its statistics, which add up likewise."""

    loss: torch.Tensor
    metrics: dict[str, float]


class Objective(Protocol):
    """What is minimized.

    ``needs``: names of the other policies whose log-probabilities it looks at. ``counts_truncated``:
    whether the tokens of answers that met the length limit count.
    """

    needs: frozenset[str]
    updates: int
    counts_truncated: bool

    def __call__(self, forward: Forward, size: StepSize) -> MicroBatchLoss:
        """The part of one micro-batch."""
        ...


class GrpoObjective:
    """A policy loss with a KL term.

    The sampler's probabilities need not be the policy's: a server computes otherwise, further updates move
    the policy, and answers that were drawn ahead are a step older. With q the probability that the sampler
    gave a token, p the policy's at the step's first update and pi the policy's now, the loss has

    - without ``importance_cap``: ratio pi / q (PPO, 1707.06347, Eq. 7). Fresh answers of a single update have
      ratio 1, as if q were p.
    - with it: ratio pi / p, and min(p / q, cap) times the advantage, without gradient: the decoupled
      objective (2110.00641; AReaL, 2505.24298) with truncated weights. In a single update pi is p, and the
      gradient is that of min(p / q, cap) A log pi.
    """

    def __init__(self, options: GrpoOptions) -> None:
        self.options, self.updates = options, options.updates
        self.needs = frozenset({"reference"} if options.kl.beta else ())
        self.counts_truncated = not options.mask_truncated

    def __call__(self, forward: Forward, size: StepSize) -> MicroBatchLoss:
        o, logprobs_RA, mask_RA = self.options, forward.logprobs_RA, forward.mask_RA
        # With one update on fresh answers the policy that sampled is this one: the ratio is 1, and needs no
        # old values.
        fresh = self.updates == 1 and forward.first_update
        old_RA = None if fresh else forward.sampled_RA
        advantages, further = forward.advantages, dict[str, float]()
        if o.importance_cap is not None and forward.own_RA is not None:
            # Losses are linear in advantages of one sign: a token's weight may as well be its advantage's.
            weight_RA = (forward.own_RA - forward.sampled_RA).exp().clamp(max=o.importance_cap)
            advantages = advantages * weight_RA
            old_RA = forward.own_RA if self.updates > 1 else None
            further = {"importance_weight": float((weight_RA * mask_RA).sum()) / size.tokens}
        term, kl = None, 0.0
        if o.kl.beta:
            estimate = ESTIMATORS[o.kl.estimator](logprobs_RA, forward.others["reference"])
            term = KlTerm(estimate, o.kl.beta, o.kl.correction)
            kl = float((estimate.detach() * mask_RA).sum()) / size.tokens
        loss = o.loss(logprobs_RA, old_RA, advantages, mask_RA, size, term)
        value = loss.value
        if o.confidence_weight:
            assert forward.numbers is not None
            found = forward.numbers()
            taught = number_loss(found.mean_N, found.right_N, found.share_N, size)
            value = value + o.confidence_weight * taught
            further["confidence_loss"] = taught.item()
        return MicroBatchLoss(
            value,
            {
                **further,
                "loss": value.item(),
                "kl": kl,
                "clipped_low_share": loss.clipped_low_share.item(),
                "clipped_high_share": loss.clipped_high_share.item(),
                "ratio_mean": loss.ratio_mean.item(),
            },
        )


class CrossEntropy:
    """Cross-entropy of the given tokens, mean over all tokens of the step; what SFT minimizes."""

    needs: frozenset[str] = frozenset()
    updates = 1
    counts_truncated = True

    def __call__(self, forward: Forward, size: StepSize) -> MicroBatchLoss:
        """The loss of one micro-batch; ``sequence_loss`` is the mean over answers instead."""
        each_RA = -forward.logprobs_RA
        loss = token_mean(each_RA, forward.mask_RA, size.tokens)
        sequence = sequence_mean(each_RA.detach(), forward.mask_RA, size.rows)
        return MicroBatchLoss(loss, {"loss": loss.item(), "sequence_loss": sequence.item()})
