"""What a configuration adds to the source of rollouts: who chooses the questions, and who judges thoughts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vrft.config.run_config import RunConfig
from vrft.config.run_questions import called
from vrft.distributed import DistributedContext
from vrft.models.policy import Policy
from vrft.training.consistency import Consistency
from vrft.training.reference import MovingReference
from vrft.training.selector import Selector, known_outcomes
from vrft.types import Example


def selectors_of(config: RunConfig, train: Sequence[Example]) -> dict[str, Selector]:
    """The selectors that ``data.select`` asks for, by ``Example.source``."""
    found = {}
    for source, own in config.by_source.items():
        rule = own.data.select
        if rule is not None:
            probe = Path(rule.probe) if rule.probe is not None else None
            examples = [e for e in train if e.source == source]
            by_id = {e.id.removeprefix(called(source, "")): e for e in examples}
            known = known_outcomes(probe, own.form, config.model.path, by_id) if probe is not None else {}
            named = {by_id[id].id: outcomes for id, outcomes in known.items()}
            found[source] = Selector(examples, rule, named)
    return found


def consistency_of(config: RunConfig, policy: Policy, context: DistributedContext) -> Consistency | None:
    """What ``grpo.consistency`` asks for, with a judge that begins as the policy."""
    options = config.grpo.consistency
    return None if options is None else Consistency(options, MovingReference(policy), context)
