"""The rewards as a reward file of OpenRLHF (``--reward.remote_url``) and of its multimodal forks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vrft.errors import InputError
from vrft.integrations.column_scoring import figures, options_among, scored, total
from vrft.tasks.scorer import RewardOptions
from vrft.types import Rollout

if TYPE_CHECKING:
    import torch

_LEAST_TAIL = 16


def reward_func(
    queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str], **kwargs: Any
) -> dict[str, Any]:
    """Score answers as OpenRLHF calls it, from several threads at once.

    Args:
        queries: n texts of prompt and answer, special tokens included.
        prompts: n prompts; each is cut from its query, which raises an InputError where it is not there.
        labels: n packed targets.
        kwargs: ``setting``, ``weights``, ``options``, ``custom``, ``time_limit_s`` and
            ``allow_unsafe_reward``, where a reward file of the user's own passes them; others are not looked
            at.

    Returns:
        ``rewards`` and ``scores``, (n,) float tensors of the weighted sums, and ``extra_logs``, one (n,)
        tensor for each figure, with the same keys every time; all finite.
    """
    import torch

    options = options_among(kwargs)
    rollouts = _scored(queries, prompts, labels, options)
    summed = torch.tensor([total(one) for one in rollouts], dtype=torch.float32)
    rows = [figures(one, options) for one in rollouts]
    logs = {name: torch.tensor([row[name] for row in rows]) for name in (rows[0] if rows else ())}
    return {"rewards": summed, "scores": summed, "extra_logs": logs}


def reward_tensor(
    queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str], **kwargs: Any
) -> torch.Tensor:
    """The same for OpenRLHF-M, LMM-R1 and older OpenRLHF, which take the (n,) weighted sums alone."""
    import torch

    rollouts = _scored(queries, prompts, labels, options_among(kwargs))
    return torch.tensor([total(one) for one in rollouts], dtype=torch.float32)


def answer_of(query: str, prompt: str) -> str:
    """The answer within a query, which is prompt and answer with special tokens.

    A query need not begin with its prompt as it was given: long prompts lose their beginning, and images'
    placeholders are repeated. So the answer begins behind the first place that reads like the prompt's end,
    which is taken so long that the prompt itself has it once; an answer that repeats it is not cut.
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    length = min(_LEAST_TAIL, len(prompt))
    while prompt.find(prompt[-length:]) < len(prompt) - length:
        length = min(2 * length, len(prompt))
    place = query.find(prompt[-length:])
    if place < 0:
        raise InputError(
            f"The query does not contain the end of its prompt, {prompt[-length:]!r}. Pass prompts unchanged."
        )
    return query[place + length :]


def _scored(
    queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str], options: RewardOptions
) -> list[Rollout]:
    found = []
    for row, (query, prompt, label) in enumerate(zip(queries, prompts, labels, strict=True)):
        where = f"Row {row} of the batch"
        try:
            text = answer_of(query, prompt)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        found.append(scored(text, label, options, f"{where}, label"))
    return found
