"""The public names of ``import vrft``, grouped by use, each for autodoc."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

GROUPS = {
    "The verbs": "fit train evaluate predict check audit draw FitResult TrainResult EvaluationResult",
    "Data": "load_dataset load_examples few_shot_split Dataset Split Example Form Image Video",
    "Answers and values": "Answer Value Boxes Label Number Points Text Mask TimeSpan",
    "Tasks and rewards": "Task load_task score Scorer RewardTerm",
    "Models": "load_policy save_policy Policy SamplingParams",
    "Rollouts and predictions": "Prediction Completion Rollout RolloutGroup",
    "Errors": "VrftError InputError RunError",
}
"""Where a public name belongs; any other comes last, so that none is missing."""


def api_reference(public: Sequence[str] | None = None) -> str:
    """Every public name, as Markdown around autodoc's directives.

    Args:
        public: the names; by default those of ``vrft.__all__``.
    """
    import vrft

    names = [name for name in public or vars(vrft)["__all__"] if not name.startswith("_")]
    grouped = {title: [name for name in text.split() if name in names] for title, text in GROUPS.items()}
    known = {name for own in grouped.values() for name in own}
    grouped["Further names"] = [name for name in names if name not in known]
    return "\n\n".join(part for title, own in grouped.items() if own for part in _group(title, own))


def _group(title: str, names: Sequence[str]) -> Iterator[str]:
    yield f"## {title}"
    for name in names:
        directive = f".. {_directive(name)}:: {name}\n{_options(name)}"
        yield f"```{{eval-rst}}\n.. currentmodule:: vrft\n\n{directive}```"


def _directive(name: str) -> str:
    import vrft

    found = getattr(vrft, name)
    if inspect.isclass(found):
        return "autoexception" if issubclass(found, Exception) else "autoclass"
    return "autofunction" if callable(found) else "autodata"


def _options(name: str) -> str:
    return "   :members:\n" if _directive(name) == "autoclass" else ""
