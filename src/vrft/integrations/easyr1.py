"""The rewards as a batch reward file of EasyR1 (``worker.reward.reward_function``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vrft.integrations.column_scoring import figures, reward_options, scored, total

REWARD_NAME = "vrft"
REWARD_TYPE = "batch"


def compute_score(reward_inputs: Sequence[Mapping[str, Any]], **kwargs: Any) -> list[dict[str, float]]:
    """Score a batch as EasyR1 calls it.

    Args:
        reward_inputs: n mappings with ``response``, ``response_length`` (tokens) and ``ground_truth``, the
            packed target; a broken one raises an InputError that names its row.
        kwargs: ``reward_function_kwargs`` of EasyR1's configuration: ``setting``, ``weights``, ``options``,
            ``custom``, ``time_limit_s``, ``allow_unsafe_reward``; others raise a ConfigError.

    Returns:
        n mappings of finite numbers with the same keys: ``overall``, the weighted sum, and ``figures``.
    """
    options = reward_options(kwargs)
    rollouts = [
        scored(
            row["response"],
            row["ground_truth"],
            options,
            f"ground_truth, row {index} of the batch",
            n_tokens=row.get("response_length"),
        )
        for index, row in enumerate(reward_inputs)
    ]
    return [{"overall": total(one), **figures(one, options)} for one in rollouts]
