"""Rejection sampling: SFT on the policy's own right answers (STaR, 2203.14465; RAFT, 2304.06767).

Each round draws answers to every training question, from the base first and then from the policy of the round
before, keeps the right ones, and trains the base on them as the SFT twin is trained on labels. All rounds
together draw as many answers as one RFT trial.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vrft.config.run_config import RunConfig
from vrft.diagnostics.probe.run_probe import evenly_spaced
from vrft.rollout.driver import roll_out
from vrft.rollout.sampler import load_sampler
from vrft.run_folder import append_row, read_rows
from vrft.tasks.registry import task_of
from vrft.types import Example, Rollout, SampleSeed
from vrft.workflows.configured import policy_of
from vrft.workflows.trials import (
    SweepContext,
    Trial,
    TrialPlan,
    count_sampled,
    in_form,
    release_memory,
    run_trials,
)

Row = dict[str, Any]
"""Plain JSON values."""
NAME = "rejection"
"""Of the system, and of the folder of its answers."""


def train_rejection(sweep: SweepContext, done: Sequence[Trial]) -> list[Trial]:
    """The trials of all rounds; a round without a right answer is the last."""
    settings, source = sweep.settings, sweep.settings.model
    trials: list[Trial] = []
    for number, answers in enumerate(
        answers_by_round(_rft_config(sweep, source), settings.rejection_rounds), 1
    ):
        rows = _sampled(sweep, number, answers, source)
        kept = kept_answers(rows, settings.rejection_keep)
        sweep.note(_sentence(number, count_round(rows, settings.rejection_keep)))
        if not kept:
            break
        plan = TrialPlan(
            NAME,
            "sft",
            settings.recipe.sft_rates,
            settings.model,
            sweep.form,
            stem=f"{NAME}-{number}",
            texts={name: tuple(answer["text"] for answer in own) for name, own in kept.items()},
        )
        found = run_trials(sweep, plan)
        source = str(sweep.root / sweep.best(found).folder / "model")
        trials += found
    return trials


def answers_by_round(rft: RunConfig, rounds: int) -> list[int]:
    """Answers that each round draws: together as many as one RFT trial.

    Example:
        >>> optim = {"steps": 5, "prompts_per_step": 2}
        >>> rft = RunConfig(task="detection", data={"path": "photos"}, optim=optim)
        >>> answers_by_round(rft, 3)
        [27, 27, 26]
    """
    each, more = divmod(rft.optim.steps * rft.optim.prompts_per_step * rft.rollout.group_size, rounds)
    return [each + (number < more) for number in range(rounds)]


@dataclass(frozen=True)
class DrawPart:
    """Questions that are asked together, and how many answers to each: at most those of one RFT step."""

    number: int
    """Of the parts that ask the same questions."""
    places: tuple[int, ...]
    """Of the questions in the list of all."""
    answers: int


def draw_parts(questions: int, answers: int, group_size: int, at_once: int) -> Iterator[DrawPart]:
    """So many answers in all, divided as evenly as can be, and at least one to each question.

    Example:
        >>> [(part.number, part.places, part.answers) for part in draw_parts(3, 10, 2, 2)]
        [(0, (0, 1), 2), (0, (2,), 2), (1, (0, 1), 1), (1, (2,), 1), (2, (0,), 1)]
    """
    each, more = divmod(max(answers, questions), questions)
    whole, rest = divmod(each, group_size)
    every = range(questions)
    blocks: list[tuple[Sequence[int], int]] = [
        *[(every, group_size)] * whole,
        (every, rest),
        (evenly_spaced(every, more), 1),
    ]
    for number, (places, count) in enumerate((places, count) for places, count in blocks if places and count):
        for begin in range(0, len(places), at_once):
            yield DrawPart(number, tuple(places[begin : begin + at_once]), count)


def kept_answers(rows: Sequence[Row], most: int) -> dict[str, list[Row]]:
    """The first right answers to each question, at most so many; questions without any are left out."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        right = [*found.get(row["id"], ()), *(answer for answer in row["answers"] if answer["right"])]
        if right:
            found[row["id"]] = right[:most]
    return found


def count_round(rows: Sequence[Row], most: int) -> Row:
    """What a round drew and learned: ``answers``, ``tokens``, how many were ``right``, ``learned``, about how
    many ``questions``, and, where the task knows it, how many of those learned show work."""
    drawn = [answer for row in rows for answer in row["answers"]]
    kept = kept_answers(rows, most)
    learned = [answer for own in kept.values() for answer in own]
    known = any("shows_work" in answer for answer in drawn)
    return {
        "answers": len(drawn),
        "tokens": sum(answer["tokens"] for answer in drawn),
        "right": sum(answer["right"] for answer in drawn),
        "learned": len(learned),
        "questions": len(kept),
        "of_questions": len({row["id"] for row in rows}),
        **({"learned_with_work": sum(answer["shows_work"] for answer in learned)} if known else {}),
    }


def count_answers(folder: Path, rft: Path, most: int) -> dict[str, Row]:
    """What one RFT trial and rejection sampling drew, the latter by round.

    Args:
        folder: of the fit.
        rft: the RFT trial's run.
        most: right answers to a question that a round learned.
    """
    rounds = [count_round(list(read_rows(f)), most) for f in sorted((folder / NAME).glob("*.jsonl"))]
    return {
        "rft": count_sampled(rft),
        NAME: {key: sum(one[key] for one in rounds) for key in ("answers", "tokens")} | {"rounds": rounds},
    }


def _rft_config(sweep: SweepContext, model: str) -> RunConfig:
    """That of an RFT trial, whose model only answers: what is sampled is sampled as there."""
    settings = sweep.settings
    found = settings.trial(
        "rft", rate=settings.recipe.rft_rates[0], out=sweep.root / NAME, form=sweep.form, model=model
    )
    rollout = found.rollout
    if rollout.url and found.model.lora is not None:  # a server that takes adapters takes no other weights
        rollout = rollout.model_copy(update={"sampler": "shared_prompt", "url": ()})
    bare = found.model.model_copy(update={"lora": None})
    return found.model_copy(update={"model": bare, "rollout": rollout})


def _sampled(sweep: SweepContext, number: int, answers: int, source: str) -> list[Row]:
    """All answers of a round, kept in its file; parts that it holds are not drawn again."""
    config, context = _rft_config(sweep, source), sweep.context
    file, asked = sweep.root / NAME / f"round-{number}.jsonl", in_form(sweep.train, sweep.form)
    known = {(row["part"], row["id"]): row for row in context.broadcast_object(list(read_rows(file)))}
    parts = list(draw_parts(len(asked), answers, config.rollout.group_size, config.optim.prompts_per_step))
    keys = [(part.number, asked[place].id) for part in parts for place in part.places]
    missing = [p for p in parts if any((p.number, asked[place].id) not in known for place in p.places)]
    if missing:
        policy = policy_of(config, context=context)
        sampler = load_sampler(config.rollout.sampler, policy, urls=config.rollout.url, context=context)
        sampler.sync(policy, 0)
        total = sum(part.answers * len(part.places) for part in missing)
        try:
            with sweep.reporter.task(f"Answers for rejection sampling, round {number}", total) as update:
                for part in missing:
                    places = part.places[context.shard_slice(len(part.places))]
                    draw = SampleSeed(_seed(config.seed, number, part.number), places, len(asked))
                    examples = [asked[place] for place in places]
                    params = config.rollout.params()
                    groups = roll_out(sampler, policy, examples, part.answers, params, draw)
                    own = [_row(part, e, group) for e, group in zip(examples, groups, strict=True)]
                    for row in context.all_gather_object(own):
                        if (key := (row["part"], row["id"])) not in known:
                            known[key] = row
                            if context.is_first:
                                append_row(file, row)
                    update(part.answers * len(part.places), "")
        finally:
            sampler.close()
        del policy, sampler
        release_memory()
    return [known[key] for key in keys]


def _seed(seed: int, number: int, part: int) -> int:
    """Another stream of chance than that of a training step."""
    return int(np.random.SeedSequence([seed, number, part, 1]).generate_state(1)[0])


def _row(part: DrawPart, example: Example, group: Sequence[Rollout]) -> Row:
    return {"part": part.number, "id": example.id, "answers": [_answer(rollout) for rollout in group]}


def _answer(rollout: Rollout) -> Row:
    said = {"text": rollout.completion.text, "tokens": rollout.n_tokens, "right": _is_right(rollout)}
    works = task_of(rollout.example).shows_work(rollout.answer.thinking)
    return said if works is None else {**said, "shows_work": works}


def _is_right(rollout: Rollout) -> bool:
    """By the task, in the demanded form, and said in one turn: such a text can be learned by itself."""
    target = rollout.example.target
    right = target is not None and task_of(rollout.example).success(rollout.answer, target)
    return right and rollout.answer.formatted and rollout.finished and len(rollout.turns) == 1


def _sentence(number: int, found: Row) -> str:
    said = (
        f"Rejection sampling, round {number}: {found['answers']:,} answers ({found['tokens']:,} tokens), "
        f"{found['right'] / found['answers']:.1%} of them right and well formed."
    )
    if not found["learned"]:
        weights = "the base's weights" if number == 1 else "the policy of the rounds before"
        return f"{said} There is nothing to learn from them: the system ends with {weights}."
    works = found.get("learned_with_work")
    shown = "" if works is None else f" ({works / found['learned']:.0%} show how they were worked out)"
    about = f"about {found['questions']} of {found['of_questions']} questions"
    return f"{said} SFT learns {found['learned']:,} of them{shown}, {about}."
