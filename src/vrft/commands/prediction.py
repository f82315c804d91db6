"""``vrft predict``: answers about pictures that nobody labelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from vrft.commands.locate import model_source, pixels_for, run_config
from vrft.commands.wish import Wish, asking_for, hints
from vrft.data.label_checks import raise_all, some
from vrft.errors import InputError, Interrupted, LabelError
from vrft.evaluation.judged import Judged
from vrft.inference.answer_shares import spent_on
from vrft.inference.ask_options import Asking
from vrft.inference.evaluate import evaluate
from vrft.inference.formats.prediction_format import (
    DEFAULT,
    Prediction,
    Setting,
    by_picture,
    left_out,
    open_form,
)
from vrft.inference.image_questions import STDIN, Pictures, examples_about, frame_of, pictures_at
from vrft.inference.prediction_folder import keep_settings
from vrft.inference.provenance import settings_of
from vrft.inference.render import beside_name, check_target, drawn_name, save_drawn
from vrft.models.load_policy import load_policy
from vrft.models.policy import Policy
from vrft.progress import Narrator, Silence
from vrft.run_folder import write_json
from vrft.tasks.fusion import load_rule, usual
from vrft.tasks.task import Task, load_task
from vrft.types import Example

DRAWN, FRAMES = "drawn", "frames"
"""Folders in the user's: drawn pictures, and those that came through standard input."""


@dataclass(frozen=True)
class Predicted:
    """What came of a wish."""

    predictions: tuple[Prediction, ...]
    unreadable: tuple[LabelError, ...]
    """Pictures that could not be read; all others were answered."""
    document: Any
    """The predictions as the form has them, in plain JSON values."""
    one: bool
    """A single picture was asked about."""
    notes: tuple[str, ...] = ()
    """What the form had no place for, and where files went."""


def run_predict(wish: Wish, narrator: Narrator, stdin: BinaryIO | None = None) -> Predicted:
    """Ask every question about every picture.

    Args:
        wish: what is asked, and how.
        narrator: where progress goes.
        stdin: where the picture '-' is read from.

    Raises:
        InputError: a setting, the model or the only picture cannot be used.
        RunError: the folder holds answers that were asked for otherwise.
    """
    with TemporaryDirectory(prefix="vrft-") as spare:
        frames = wish.out / FRAMES if wish.out is not None else Path(spare)
        pictures = _pictures(wish, stdin, frames)
        return _predict(wish, pictures, Silence() if pictures.one else narrator)


def _pictures(wish: Wish, stdin: BinaryIO | None, frames: Path) -> Pictures:
    if wish.image != STDIN:
        own = [wish.out, wish.out / DRAWN, wish.out / FRAMES] if wish.out is not None else []
        return pictures_at(Path(wish.image), own)
    if stdin is None or stdin.isatty():
        raise InputError("standard input: nothing is piped into it. Write: vrft predict ... < picture.jpg")
    return frame_of(stdin.read(), frames)


def _predict(wish: Wish, pictures: Pictures, narrator: Narrator) -> Predicted:
    own = run_config(wish.model)
    task = load_task(wish.task or (own.task if own is not None else "detection"))
    asking, rule = asking_for(wish, own), usual(task.name, wish.rule)
    target_of = _targets(wish, pictures)
    with narrator.stage("Reading pictures", len(pictures.paths)) as advance:
        examples, broken = examples_about(
            pictures, task.name, wish.questions, wish.options, lambda count: advance(count, "")
        )
    if not examples:
        raise_all(broken)
    write = open_form(wish.written, examples, Setting(wish.model, wish.against))
    limits = pixels_for(own, wish.min_pixels, wish.max_pixels)
    path = None
    if wish.out is not None:
        path = keep_settings(wish.out, _settings(wish, task, pictures, limits, asking), examples)
    policy = load_policy(model_source(wish.model), min_pixels=limits[0], max_pixels=limits[1])
    judged = _asked(policy, task, examples, asking, path, narrator)
    # Kept answers name the picture's place when it was asked about.
    made = [_result(replace(j, example=e), rule) for j, e in zip(judged, examples, strict=True)]
    predictions = _drawn(made, target_of)
    if wish.image == STDIN and wish.out is None:
        predictions = tuple(_nowhere(one) for one in predictions)
    document = write(predictions)
    notes = [*hints(task, wish, own), *left_out(wish.written, predictions)]
    if wish.out is not None:
        file = wish.out / (
            "predictions.json" if wish.written == DEFAULT else f"predictions.{wish.written}.json"
        )
        write_json(file, document)
        notes.append(f"Kept: {path}, {file}")
    notes.append(_where_drawn(predictions))
    return Predicted(predictions, tuple(broken), document, pictures.one, tuple(notes))


def _targets(wish: Wish, pictures: Pictures) -> Callable[[str], Path] | None:
    """Where a drawn picture goes, by the picture's name; None where none is drawn."""
    if wish.drawn is not None:
        if not pictures.one:
            raise InputError("--drawn names one file. Give --out DIR, where a folder's drawn pictures go.")
        drawn = wish.drawn
        check_target(drawn, pictures.paths[0])
        return lambda name: drawn
    if wish.out is not None:
        folder = wish.out / DRAWN
        return lambda name: folder / drawn_name(name)
    return (lambda name: Path(beside_name(name))) if pictures.one else None


def _settings(
    wish: Wish, task: Task, pictures: Pictures, limits: tuple[int | None, int | None], asking: Asking
) -> dict[str, Any]:
    """All that decides an answer beside picture and question."""
    return settings_of(model_source(wish.model), task.name, asking, limits) | {
        "pictures": str(pictures.root.resolve()),
        "options": list(wish.options),
    }


def _asked(
    policy: Policy,
    task: Task,
    examples: Sequence[Example],
    asking: Asking,
    path: Path | None,
    narrator: Narrator,
) -> list[Judged]:
    left = len(examples)
    with narrator.stage("Asking", left) as advance:

        def progress(done: int) -> None:
            nonlocal left
            left -= done
            advance(done, "")

        try:
            judged = evaluate(policy, task, examples, asking, path=path, progress=progress)
        except KeyboardInterrupt:
            kept = (
                f"the answers so far are in {path}; the same command goes on" if path else "nothing is kept"
            )
            raise Interrupted(f"Stopped: {kept}.") from None
        # What was kept from before.
        advance(left, "")
    return judged


def _nowhere(one: Prediction) -> Prediction:
    """The picture that came through standard input is nowhere afterwards."""
    return replace(one, judged=replace(one.judged, example=replace(one.example, image=Path(STDIN))))


def _result(judged: Judged, rule: str) -> Prediction:
    """One answer of all that was said."""
    if not judged.others:
        return Prediction(judged, judged.answer, None, spent_on(judged))
    answer = load_rule(rule)([said.candidate for said in judged.said])
    return Prediction(judged, answer, rule, spent_on(judged))


def _where_drawn(predictions: Sequence[Prediction]) -> str:
    files = list(dict.fromkeys(str(one.drawn) for one in predictions if one.drawn is not None))
    return (
        f"Drawn: {some(files)}" if files else "Nothing is drawn. Add --out DIR to keep answers and pictures."
    )


def _drawn(made: Sequence[Prediction], target_of: Callable[[str], Path] | None) -> tuple[Prediction, ...]:
    if target_of is None:
        return tuple(made)
    files = {name: save_drawn(asked, target_of(name)) for name, asked in by_picture(made).items()}
    return tuple(replace(one, drawn=files[one.picture]) for one in made)
