"""What more answers are worth: every rule of fusion at every number of answers, beside its cost in tokens."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.errors import InputError
from vrft.evaluation.fused import answers_of, asked_of, fused, is_closed, prompts_known
from vrft.evaluation.judged import Judged
from vrft.evaluation.scorecard.scored import Json, Scored, plain_json
from vrft.tasks.fusion import Rule, rules_for


def applies(scored: Scored) -> bool:
    """Whether there are further answers."""
    return any(j.others and not is_closed(j) for j in scored.plain)


def measure(scored: Scored) -> Json:
    """The headline metric against compute.

    Every row fuses the first n answers to each question, the plain one first: at n = 1 each rule gives the
    plain answer. All intervals are on the same draws of pictures.

    Returns:
        ``fewest``, the answers of the question that has the fewest; ``prompts_counted``, whether ``tokens``
        hold the prompts too; ``rules``, by name rows of ``n``, ``looks`` (at the picture, by name),
        ``tokens`` (mean of a question), ``value``, ``low``, ``high``; ``left_out``, by name why a rule could
        not be used.
    """
    open_questions = [j for j in scored.plain if not is_closed(j)]
    fewest = min(answers_of(j) for j in open_questions)
    sizes = [n for n in scored.options.sizes if 1 <= n <= fewest]
    rules: Json = {}
    left_out: Json = {}
    for name, rule in rules_for(scored.plain[0].example.target).items():
        try:
            rules[name] = [_row(scored, rule, n, _looks(open_questions, n)) for n in sizes]
        except InputError as error:
            left_out[name] = str(error)
    return {
        "fewest": fewest,
        "prompts_counted": all(prompts_known(j) for j in scored.plain),
        "rules": rules,
        "left_out": left_out,
    }


def _row(scored: Scored, rule: Rule, n: int, looks: list[str]) -> Json:
    judged = [fused(j, rule, n) for j in scored.plain]
    gates = sum(j.gate.spent for j in scored.plain if j.gate)
    tokens = (sum(asked_of(j).spent(n) for j in scored.plain) + gates) / len(scored.plain)
    return {"n": n, "looks": looks, "tokens": tokens, **plain_json(scored.interval(judged))}


def _looks(judged: Sequence[Judged], n: int) -> list[str]:
    return list(dict.fromkeys(one.look for j in judged for one in j.said[:n]))
