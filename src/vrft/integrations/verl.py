"""The rewards as a custom reward function of verl (``reward.custom_reward_function``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vrft.integrations.column_scoring import figures, options_among, scored, total


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, float]:
    """Score one answer as verl calls it, from several threads at once.

    Args:
        data_source: the row's, for messages.
        solution_str: the model's text.
        ground_truth: the packed target, from ``reward_model.ground_truth``; an InputError where broken.
        extra_info: the row's; its ``index`` is in messages.
        kwargs: ``reward_kwargs`` of verl's configuration: ``setting``, ``weights``, ``options``, ``custom``,
            ``time_limit_s``, ``allow_unsafe_reward``; what verl itself adds is not looked at.

    Returns:
        Finite numbers, with the same keys in the same order every time: ``score``, the weighted sum, and
        ``figures``.
    """
    options = options_among(kwargs)
    where = f"ground_truth of '{data_source}', row {(extra_info or {}).get('index', 'without an index')}"
    rollout = scored(solution_str, ground_truth, options, where)
    return {"score": total(rollout), **figures(rollout, options)}
