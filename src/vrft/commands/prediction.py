"""``vrft predict``: one answer about one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vrft.commands.locate import form_for, model_source
from vrft.data.images import image_size_wh, open_rgb
from vrft.engine.asking import prompts_for
from vrft.engine.sampling import Sampling, sample
from vrft.errors import InputError
from vrft.policies.load import load_policy
from vrft.report.overlay import draw_boxes
from vrft.tasks.base import load_task
from vrft.types import Answer, BoxesTarget, Example, Form

LENGTH = 512


def predict(
    model: str,
    image: Path,
    question: str,
    task_name: str,
    form: Form | None,
    samples: int,
    seed: int,
    drawn: Path | None,
) -> dict[str, Any]:
    """Ask one question.

    Args:
        model: run folder, model folder, hub id, or 'miniature'.
        image: picture file.
        question: category, expression or kind of thing, as the task asks.
        task_name: task.
        form: form of the answer; None takes the run's own, or thinking.
        samples: 1 is greedy; more are sampled beside the greedy answer.
        seed: of the samples.
        drawn: where the picture with boxes goes; beside the picture where None and there are boxes.

    Returns:
        ``text``, ``answer``, ``samples``, ``drawn`` (a path or None), ``lines`` (for people).
    """
    if not image.exists():
        raise InputError(f"{image}: there is no such picture.")
    task, asked = load_task(task_name), form_for(model, form)
    example = Example("one", "one", image, image_size_wh(image), task.name, question, BoxesTarget(()))
    policy = load_policy(model_source(model))
    (prompt,) = prompts_for(policy, task, [example], asked)
    greedy = sample(policy, [prompt], 1, Sampling(temperature=0, max_new_tokens=LENGTH))[0]
    others = (
        sample(policy, [prompt], samples, Sampling(max_new_tokens=LENGTH), seed)[0] if samples > 1 else []
    )
    texts = [policy.decode(s.token_ids) for s in (*greedy, *others)]
    answers = [task.parse(text, prompt.picture.view, asked) for text in texts]
    first = answers[0]
    target = None
    if first.boxes_xyxy_px:
        target = drawn or image.with_name(f"{image.stem}.answer.png")
        draw_boxes(open_rgb(image), {"answer": first.boxes_xyxy_px}).save(target)
    lines = [_sentence(first)] + ([f"Drawn: {target}"] if target is not None else [])
    lines += [f"Sample {i}: {text}" for i, text in enumerate(texts[1:], 1)]
    return {
        "text": texts[0],
        "answer": _plain(first),
        "samples": [{"text": t, "answer": _plain(a)} for t, a in zip(texts[1:], answers[1:], strict=True)],
        "drawn": str(target) if target is not None else None,
        "lines": lines,
    }


def _plain(answer: Answer) -> dict[str, Any]:
    return {
        "parsed": answer.parsed,
        "formatted": answer.formatted,
        "boxes_xyxy_px": [list(b) for b in answer.boxes_xyxy_px],
        "confidences": list(answer.confidences),
        "label": answer.label,
        "faults": [str(f) for f in answer.faults],
    }


def _sentence(answer: Answer) -> str:
    if not answer.parsed:
        return f"No answer could be read ({', '.join(answer.faults)})."
    if answer.label is not None:
        return f"Class: {answer.label}"
    if answer.abstained:
        return "No objects."
    boxes = zip(answer.boxes_xyxy_px, answer.confidences, strict=True)
    return "\n".join(
        f"Box in pixels: {', '.join(f'{v:.0f}' for v in box)} (confidence {c:.2f})" for box, c in boxes
    )
