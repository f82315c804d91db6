"""Whether prompts fit into the model and right answers into the length that is sampled."""

from __future__ import annotations

from vrft.diagnostics.check.finding import Finding, Severity
from vrft.diagnostics.check.on_model.model_case import ModelCase


def examine_tokens(case: ModelCase) -> list[Finding]:
    """Errors for prompts that do not fit, a warning for answers that are cut off, and the lengths."""
    asked, limit = case.asked, case.data.config.rollout.max_new_tokens
    if not asked:
        return []
    found = [
        Finding(Severity.ERROR, "prompt-too-long", one.too_long, str(one.example.image))
        for one in asked
        if one.too_long is not None
    ]
    cut = [one for one in asked if one.gold_tokens > limit]
    longest = max(asked, key=lambda one: one.gold_tokens)
    if cut:
        told = f"The right answer is longer than the {limit} tokens that are sampled for {len(cut)} of "
        told += (
            f"{len(asked)} questions looked at (up to {longest.gold_tokens} tokens): it is never given whole."
        )
        mend = f"Set rollout.max_new_tokens: {longest.gold_tokens} or more, or leave such pictures out."
        found.append(Finding(Severity.WARNING, "answer-cut-off", told, longest.example.id, mend))
    longest_prompt = max(asked, key=lambda one: one.prompt_tokens)
    told = (
        f"Prompts have {min(one.prompt_tokens for one in asked)} to {longest_prompt.prompt_tokens} tokens "
        f"({longest_prompt.picture_tokens} of the longest for its picture), right answers "
        f"{min(one.gold_tokens for one in asked)} to {longest.gold_tokens} ({len(asked)} questions)."
    )
    return [*found, Finding(Severity.NOTE, "tokens", told, case.data.root)]


EXAMINE = examine_tokens
