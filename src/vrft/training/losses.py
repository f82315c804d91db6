"""Policy losses, each a frozen object with its own options. Axes: R answers, A tokens.

Every loss is called with ``logprobs_RA`` (under the policy, with gradient), ``old_RA`` (under the policy
that sampled; None for one update per sample, where both are the same), ``advantages`` ((R, 1) for one per
answer, or (R, A)), ``mask_RA`` (True where a token counts), the size of the whole step, and the KL term or
None; it gives the micro-batch's part of the step's loss. Five of them are one clipped surrogate with
another mean.

To add one: a class here and its entry in ``LOSSES``; or ``grpo.loss: {name: package.module:Class}``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from vrft.training.kl import LARGEST_LOG_RATIO, KlTerm
from vrft.types.options import Options

if TYPE_CHECKING:
    # Configurations are read where torch is not installed: only methods of tensors are used here.
    import torch

    Term = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]


@dataclass(frozen=True)
class StepSize:
    """Answers, counted tokens (at least 1) and longest possible answer of a whole step, of all processes."""

    rows: int
    tokens: int
    max_tokens: int


@dataclass(frozen=True)
class LossPart:
    """A micro-batch's part of the step's loss and statistics; the parts of a step add up to the step's.

    Args:
        value: scalar, with gradient.
        clipped_low_share: tokens (GSPO: answers) without gradient, their ratio being below the lower edge.
        clipped_high_share: the same above the upper edge; for CISPO, tokens whose weight was cut there.
        ratio_mean: mean ratio over tokens (GSPO: answers); 1 with one update per sample.
    """

    value: torch.Tensor
    clipped_low_share: torch.Tensor
    clipped_high_share: torch.Tensor
    ratio_mean: torch.Tensor


class PolicyLoss(Options, ABC):
    """A loss with its options."""

    @abstractmethod
    def __call__(
        self,
        logprobs_RA: torch.Tensor,
        old_RA: torch.Tensor | None,
        advantages: torch.Tensor,
        mask_RA: torch.Tensor,
        size: StepSize,
        kl: KlTerm | None = None,
    ) -> LossPart:
        """The micro-batch's part of the step's loss; arguments as in the module's head."""


class TokenLoss(PolicyLoss):
    """A ratio, a term for each token and a mean: subclasses write the last two."""

    @abstractmethod
    def term(self, ratio: torch.Tensor, advantages: torch.Tensor, logprobs_RA: torch.Tensor) -> Term:
        """Each token's loss, and where the lower and the upper edge cut; None for no edge."""

    @abstractmethod
    def mean(self, each_RA: torch.Tensor, mask_RA: torch.Tensor, size: StepSize) -> torch.Tensor:
        """From each token's loss to the step's scalar."""

    def ratio(
        self, logprobs_RA: torch.Tensor, old_RA: torch.Tensor | None, mask_RA: torch.Tensor
    ) -> torch.Tensor:
        """pi / pi_old, (R, A), or (R, 1) for whole answers."""
        return token_ratio(logprobs_RA, old_RA)

    def weights(self, mask_RA: torch.Tensor, size: StepSize) -> torch.Tensor:
        """What each ratio counts in the statistics, in its shape; they sum to 1 over the step."""
        return mask_RA / size.tokens

    def __call__(
        self,
        logprobs_RA: torch.Tensor,
        old_RA: torch.Tensor | None,
        advantages: torch.Tensor,
        mask_RA: torch.Tensor,
        size: StepSize,
        kl: KlTerm | None = None,
    ) -> LossPart:
        ratio = self.ratio(logprobs_RA, old_RA, mask_RA)
        each, low, high = self.term(ratio, advantages, logprobs_RA)
        each_RA = each.expand_as(logprobs_RA)
        value = self.mean(kl.added_to(each_RA, ratio) if kl else each_RA, mask_RA, size)
        weights = self.weights(mask_RA.to(ratio.dtype), size)
        low_share, high_share = (
            weights.new_zeros(()) if cut is None else (cut[:, : ratio.shape[1]] * weights).sum()
            for cut in (low, high)
        )
        return LossPart(value, low_share, high_share, (ratio.detach() * weights).sum())


class ClippedLoss(TokenLoss):
    """PPO's clipped surrogate of each token, plus the KL term; subclasses differ in their mean alone."""

    clip: float = Field(0.2, gt=0)
    """Trusted ratios end at 1 - clip, and at 1 + clip where clip_high is null."""
    clip_high: float | None = Field(None, gt=0)
    """Trusted ratios end at 1 + clip_high (DAPO: 0.28)."""

    @property
    def edges(self) -> tuple[float, float]:
        """The trusted ratios."""
        return 1 - self.clip, 1 + (self.clip if self.clip_high is None else self.clip_high)

    def term(self, ratio: torch.Tensor, advantages: torch.Tensor, logprobs_RA: torch.Tensor) -> Term:
        return clipped_surrogate(ratio, advantages, self.edges)


class Grpo(ClippedLoss):
    """1/R sum_i 1/|o_i| sum_t of the clipped surrogate plus the KL term (GRPO, arXiv 2402.03300, Eq. 3).

    Example:
        >>> import torch
        >>> now, old = torch.tensor([[0.1, 0.3], [0.0, 0.0]]), torch.zeros(2, 2)
        >>> mask, advantages = torch.tensor([[True, True], [True, False]]), torch.tensor([[1.0], [-1.0]])
        >>> f"{Grpo()(now, old, advantages, mask, StepSize(rows=2, tokens=3, max_tokens=4)).value.item():.4f}"
        '-0.0763'
    """

    def mean(self, each_RA: torch.Tensor, mask_RA: torch.Tensor, size: StepSize) -> torch.Tensor:
        return sequence_mean(each_RA, mask_RA, size.rows)


class Dapo(ClippedLoss):
    """1/sum_i |o_i| sum_i sum_t of the clipped surrogate plus the KL term (DAPO, arXiv 2503.14476, Eq. 8).

    The paper has edges of 0.2 and 0.28.
    """

    def mean(self, each_RA: torch.Tensor, mask_RA: torch.Tensor, size: StepSize) -> torch.Tensor:
        return token_mean(each_RA, mask_RA, size.tokens)


class DrGrpo(ClippedLoss):
    """1/(R L) sum_i sum_t of the clipped surrogate plus the KL term (Dr. GRPO, arXiv 2503.20783, section 3).

    L is the longest length that sampling allows, so that no length is favored.
    """

    def mean(self, each_RA: torch.Tensor, mask_RA: torch.Tensor, size: StepSize) -> torch.Tensor:
        return (each_RA * mask_RA.to(each_RA.dtype)).sum() / (size.rows * size.max_tokens)


class Bnpo(ClippedLoss):
    """Mean over the micro-batch's own tokens of the clipped surrogate plus the KL term (TRL's 'bnpo').

    A micro-batch counts as much as it has answers, so the step's loss depends on how it is cut unless all
    answers are equally long; in one piece it is DAPO's, and with one answer per micro-batch it is GRPO's.
    """

    def mean(self, each_RA: torch.Tensor, mask_RA: torch.Tensor, size: StepSize) -> torch.Tensor:
        mask = mask_RA.to(each_RA.dtype)
        return (each_RA * mask).sum() / mask.sum().clamp(min=1) * (len(each_RA) / size.rows)


class Gspo(Grpo):
    """1/R sum_i of the clipped surrogate of each answer's ratio, plus the KL term (GSPO, 2507.18071, Eq. 5).

    The KL term stays one per token, and is averaged over each answer first. The ratio is a mean over tokens
    and moves little: the paper's edges are 3e-4 and 4e-4, and at 0.2 hardly anything is ever clipped.
    """

    def ratio(
        self, logprobs_RA: torch.Tensor, old_RA: torch.Tensor | None, mask_RA: torch.Tensor
    ) -> torch.Tensor:
        return answer_ratio(logprobs_RA, old_RA, mask_RA)

    def weights(self, mask_RA: torch.Tensor, size: StepSize) -> torch.Tensor:
        return mask_RA.any(1, keepdim=True).to(mask_RA.dtype) / size.rows


class Cispo(TokenLoss):
    """1/sum_i |o_i| sum_i sum_t of -sg(min(ratio, 1 + high)) A log pi, plus the KL term (2506.13585, Eq. 4).

    sg stops the gradient: the ratio is a weight, and no token loses its gradient. The paper leaves the
    lower edge away, and so does this. ScaleRL (2510.13786) cuts at 5: ``clip_high`` 4.
    """

    clip_high: float = Field(0.2, gt=0)
    """Weights end at 1 + clip_high."""

    def term(self, ratio: torch.Tensor, advantages: torch.Tensor, logprobs_RA: torch.Tensor) -> Term:
        above = 1 + self.clip_high
        return -ratio.clamp(max=above).detach() * advantages * logprobs_RA, None, ratio > above

    def mean(self, each_RA: torch.Tensor, mask_RA: torch.Tensor, size: StepSize) -> torch.Tensor:
        return token_mean(each_RA, mask_RA, size.tokens)


class Sapo(TokenLoss):
    """1/R sum_i 1/|o_i| sum_t of -(4/tau) sigmoid(tau (ratio - 1)) A, plus the KL term (2511.20347, sec. 3).

    A smooth gate around ratio 1 instead of edges: its slope there is 1, so that on-policy gradients are
    GRPO's, and fades on both sides.
    """

    tau_positive: float = Field(1.0, gt=0)
    """Temperature of the gate where the advantage is above 0."""
    tau_negative: float = Field(1.05, gt=0)
    """Temperature of the gate elsewhere."""

    def term(self, ratio: torch.Tensor, advantages: torch.Tensor, logprobs_RA: torch.Tensor) -> Term:
        tau = advantages.new_full(advantages.shape, self.tau_negative)
        tau = tau.masked_fill(advantages > 0, self.tau_positive)
        return -((tau * (ratio - 1)).sigmoid() * 4 / tau) * advantages, None, None

    def mean(self, each_RA: torch.Tensor, mask_RA: torch.Tensor, size: StepSize) -> torch.Tensor:
        return sequence_mean(each_RA, mask_RA, size.rows)


def number_loss(
    mean_N: torch.Tensor, right_N: torch.Tensor, share_N: torch.Tensor, size: StepSize
) -> torch.Tensor:
    """1/R sum_i mean over the numbers of answer i of (mean - right)^2: a micro-batch's part of the step's.

    A proper score: what costs least is the mean of what is right. After the confidence that is learned from
    labels in "Tuning computer vision models with task rewards" (2302.08242), there cross-entropy.

    Example:
        >>> import torch
        >>> mean, right, share = torch.tensor([0.5, 0.9]), torch.tensor([0.7, 0.0]), torch.tensor([0.5, 0.5])
        >>> f"{number_loss(mean, right, share, StepSize(rows=2, tokens=8, max_tokens=4)).item():.4f}"
        '0.2125'
    """
    return (share_N * (mean_N - right_N) ** 2).sum() / size.rows


LOSSES: dict[str, type[PolicyLoss]] = {
    "grpo": Grpo,
    "dr_grpo": DrGrpo,
    "dapo": Dapo,
    "bnpo": Bnpo,
    "gspo": Gspo,
    "cispo": Cispo,
    "sapo": Sapo,
}


def sequence_mean(each_RA: torch.Tensor, mask_RA: torch.Tensor, rows: int) -> torch.Tensor:
    """Mean over each answer's tokens, then over the step's answers; an answer without a token counts 0."""
    mask = mask_RA.to(each_RA.dtype)
    return ((each_RA * mask).sum(1) / mask.sum(1).clamp(min=1)).sum() / rows


def token_mean(each_RA: torch.Tensor, mask_RA: torch.Tensor, tokens: int) -> torch.Tensor:
    """Mean over all tokens of the step."""
    return (each_RA * mask_RA.to(each_RA.dtype)).sum() / tokens


def token_ratio(logprobs_RA: torch.Tensor, old_RA: torch.Tensor | None) -> torch.Tensor:
    """Each token's pi / pi_old; log-ratios are clamped to +-20 before the exponential."""
    old_RA = logprobs_RA.detach() if old_RA is None else old_RA
    return (logprobs_RA - old_RA).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO).exp()


def answer_ratio(
    logprobs_RA: torch.Tensor, old_RA: torch.Tensor | None, mask_RA: torch.Tensor
) -> torch.Tensor:
    """Each answer's geometric mean of its tokens' ratios, (R, 1) (GSPO, arXiv 2507.18071, Eq. 7).

    Example:
        >>> import torch
        >>> old, now = torch.tensor([[-1.0, -1.0]]), torch.tensor([[0.0, -2.0]])
        >>> answer_ratio(now, old, torch.ones(1, 2, dtype=torch.bool)).tolist()
        [[1.0]]
    """
    mask = mask_RA.to(logprobs_RA.dtype)
    old_RA = logprobs_RA.detach() if old_RA is None else old_RA
    mean_R1 = ((logprobs_RA - old_RA) * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
    return mean_R1.clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO).exp()


def clipped_surrogate(ratio: torch.Tensor, advantages: torch.Tensor, edges: tuple[float, float]) -> Term:
    """Negative clipped objective, -min(ratio A, clip(ratio, low, high) A) (PPO, 1707.06347, Eq. 7).

    With it, where the lower and the upper edge took the gradient away.

    Example:
        >>> import torch
        >>> each, low, high = clipped_surrogate(torch.tensor([[1.5]]), torch.tensor([[2.0]]), (0.8, 1.2))
        >>> f"{each.item():.1f}", low.item(), high.item()
        ('-2.4', False, True)
    """
    below, above = edges
    each = -(ratio * advantages).minimum(ratio.clamp(below, above) * advantages)
    return each, (ratio < below) & (advantages < 0), (ratio > above) & (advantages > 0)
