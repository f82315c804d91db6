"""A configuration's questions and rewards as files of another trainer.

Images are written at the size that the model is to see, so that a trainer's own processor has nothing to
resize, and coordinates mean the same there as here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image as PILImage

from vrft.config.questions import questions_of
from vrft.config.run_config import RunConfig
from vrft.data.images import open_image
from vrft.data.label_checks import some
from vrft.errors import ConfigError, InputError, VrftError
from vrft.integrations.packing import pack
from vrft.models.adapter_folder import adapter_chain
from vrft.models.image_limits import image_limits
from vrft.models.model_options import LoraOptions, ModelOptions
from vrft.models.model_source import resolve_source
from vrft.models.policy import Policy
from vrft.models.sized_image import png_of, sized_image
from vrft.progress import NullReporter, ProgressReporter
from vrft.rollout.driver import prompts_for
from vrft.run_folder import make_folder, write_text
from vrft.tasks.registry import task_of
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import Environment
from vrft.types import Example, Medium, Message
from vrft.workflows.configured import policy_of
from vrft.workflows.trainer_export.trainer_format import (
    IMAGE_TAG,
    TrainerFormat,
    TrainerRow,
    TrainerRun,
    trainer_formats,
)

SECTIONS = ("augment", "grpo", "model", "optim", "pseudo_labels", "rollout")
"""Parts of a configuration that decide what is learned, besides data and rewards."""
OWN_NAMES = (
    "grpo.logprob_method",
    "model.attention",
    "model.bits",
    "model.device",
    "model.dtype",
    "model.path",
    "optim.activation_offload",
    "rollout.max_mismatch",
    "rollout.sampler",
    "rollout.url",
)
"""How vrft does it; other trainers have their own ways."""
CHOICES = ("grpo.advantage", "grpo.loss")
"""Which of these a trainer has, its format says."""
MEDIA_TAGS = (IMAGE_TAG, "<video>", "<audio>")


@dataclass(frozen=True)
class TrainerExport:
    """What was written."""

    folder: Path
    trainer: str
    rows: Mapping[str, int]
    notes: tuple[str, ...]
    """What has no place there."""


def export_run(
    config: RunConfig, trainer: str, folder: Path, reporter: ProgressReporter | None = None
) -> TrainerExport:
    """Write data, rewards and a ready command for another trainer.

    Args:
        config: of an RFT run; no weights are read.
        trainer: its name, one of ``trainer_formats()``.
        folder: new or empty.
        reporter: where progress goes.

    Raises:
        ConfigError: the configuration is for SFT or has several tasks, or its model is an adapter.
        InputError: no such trainer, the folder holds something, or no question can be taken there.
    """
    known = trainer_formats()
    if trainer not in known:
        raise InputError(f"There is no trainer '{trainer}'. Choose one of: {', '.join(sorted(known))}.")
    if not config.samples:
        raise ConfigError("method: other trainers take rewards, so export the configuration of an RFT run.")
    if config.tasks:
        raise ConfigError("tasks: other trainers take one task's rewards. Export each task by itself.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"'{folder}' is not empty. Name a new folder.")
    form, reporter = known[trainer], reporter or NullReporter()
    questions = questions_of(config, reporter, refusal=image_limits(config.model).refusal)
    split = questions.split
    reward = _reward(config)
    writer = _Writer.of(config)
    make_folder(folder)
    rows: dict[str, int] = {}
    # A trainer drops what does not fill a step.
    times = math.ceil(config.optim.prompts_per_step / max(len(split.train), 1))
    for part, examples, repeats in (("train", split.train, times), ("val", split.val, 1)):
        with reporter.task(f"Writing {part} questions", len(examples) * repeats) as update:
            form.write_rows(folder, part, writer.rows(examples, repeats, update))
        rows[part] = writer.written
    if not rows["train"]:
        raise InputError(f"No question could be written. {' '.join(writer.notes())}")
    most = max(writer.pixels, default=0)
    policy = writer.policy
    run = TrainerRun(
        config,
        _model(config),
        reward,
        vision=policy.family.vision,
        adapted=policy.family.adapted,
        rows=rows,
        prompt_tokens=writer.tokens,
        most_images=writer.images,
        most_pixels=most,
    )
    for name, text in form.files(run).items():
        write_text(folder / name, text)
    notes = [*questions.dataset.warnings, *writer.notes(), *_lost(form, config)]
    if times > 1:
        notes.append(f"Each training question was written {times} times, as a step has more than there are.")
    return TrainerExport(folder, trainer, rows, tuple(notes))


def _model(config: RunConfig) -> str:
    """The model's folder, or its hub id."""
    source = resolve_source(config.model.path)
    if adapter_chain(source):
        raise ConfigError(
            f"model.path: '{config.model.path}' is an adapter, and other trainers begin with a whole model. "
            "Merge it first (docs/lora.md)."
        )
    return str(Path(source).resolve()) if Path(source).exists() else source


def _reward(config: RunConfig) -> dict[str, Any]:
    """The arguments of the adapters, with own files by their whole paths."""
    given = config.reward.model_dump(mode="json", exclude_defaults=True)
    for name in ("custom", "options"):
        if name in given:
            given[name] = {_whole(place): value for place, value in given[name].items()}
    return {**given, "setting": Scorer(config.task.load(), config.reward).setting}


def _whole(place: str) -> str:
    """A function's place, readable from other folders."""
    file, colon, name = place.rpartition(":")
    return f"{Path(file).resolve()}{colon}{name}" if file.endswith(".py") else place


def _lost(form: TrainerFormat, config: RunConfig) -> Iterator[str]:
    """A sentence about settings that differ from vrft's defaults and that the trainer does not have."""
    adapter = None if config.model.lora is None else LoraOptions()
    model = ModelOptions(lora=adapter)
    usual = RunConfig.model_construct(task=config.task, data=config.data, model=model)
    lost = [
        key
        for section in SECTIONS
        for key in _differing(section, _plain(getattr(config, section)), _plain(getattr(usual, section)))
        if not (key in form.holds or key in OWN_NAMES or key.startswith(CHOICES))
    ]
    lost += ["data.select"] if config.data.select else []
    lost += ["grpo.loss"] if type(config.grpo.loss) not in form.losses else []
    lost += ["grpo.advantage"] if type(config.grpo.advantage) not in form.advantages else []
    if lost:
        yield f"Settings that have no place in {form.name} and were left out: {', '.join(lost)}."


def _plain(section: Any) -> Any:
    return section.model_dump(mode="json") if hasattr(section, "model_dump") else section


def _differing(name: str, given: Any, usual: Any) -> Iterator[str]:
    """Dotted names of the values that differ."""
    if isinstance(given, Mapping) and isinstance(usual, Mapping):
        for key, value in given.items():
            yield from _differing(f"{name}.{key}", value, usual.get(key))
    elif given != usual:
        yield name


@dataclass
class _Writer:
    """Makes rows of questions, and remembers what was made."""

    policy: Policy
    theirs: Policy
    """The same model as a trainer loads it, with the limits of its own folder."""
    tokens: int = 0
    images: int = 0
    written: int = 0
    pixels: list[int] = field(default_factory=list)
    other_size: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: RunConfig) -> _Writer:
        _model(config)
        bare = config.model.model_copy(update={"lora": None, "bits": None})
        theirs = bare.model_copy(update={"min_pixels": None, "max_pixels": None})
        ours, other = (
            policy_of(config.model_copy(update={"model": model}), weights=False) for model in (bare, theirs)
        )
        return cls(ours, other)

    def rows(self, examples: Sequence[Example], repeats: int, update: Any) -> Iterator[TrainerRow]:
        self.written = 0
        for _ in range(repeats):
            for example in examples:
                try:
                    row = self._row(example)
                except VrftError as error:
                    self.refused[example.id] = str(error)
                else:
                    self.written += 1
                    yield row
                update(1, "")

    def notes(self) -> Iterator[str]:
        """Sentences about questions that were left out or are shown otherwise."""
        if self.refused:
            named, first = some(list(self.refused)), next(iter(self.refused.values()))
            yield f"{len(self.refused)} questions were left out: {named}. The first: {first}"
        if self.other_size:
            yield (
                f"{len(self.other_size)} questions show images that the trainer will resize by the limits of "
                f"the model's folder, not by model.min_pixels and max_pixels: {some(self.other_size)}."
            )

    def _row(self, example: Example) -> TrainerRow:
        task, policy = task_of(example), self.policy
        if type(task.environment).reply is not Environment.reply:
            raise InputError("It may have several turns, which are not exported.")
        (prompt,) = prompts_for(policy, [example])
        frames = [policy.frame(medium) for medium in example.media]
        shown = task.environment.start(example, task.question(example, frames))
        images, more = [], 0
        for medium in prompt.media:
            image, further = self._image(medium, example)
            images.append(image)
            more += further
        row = TrainerRow(
            self.written,
            example.id,
            tuple((message.role, _text(message)) for message in shown),
            tuple(images),
            pack(example, frames),
        )
        self.tokens = max(self.tokens, len(prompt.token_ids) + more)
        self.images = max(self.images, len(images))
        return row

    def _image(self, medium: Medium, example: Example) -> tuple[bytes, int]:
        """An image as PNG, and how many tokens more than here a trainer makes of it."""
        ours, theirs = self.policy.image(medium), self.theirs
        size = ours.frame.input_wh
        seen = open_image(medium)  # type: ignore[arg-type]  # other media were refused by the policy
        for image in (sized_image(self.policy, medium), seen):
            found = _processed(theirs, image)
            if found.input_wh == size and found.text == ours.text:
                return self._png(image), 0
        if replace(ours.frame, input_wh=found.input_wh).extent_wh != ours.frame.extent_wh:
            raise InputError(
                f"{medium.path}: the trainer would resize the image from {size} to {found.input_wh}, and "
                "answers would mean other places. Leave model.min_pixels and model.max_pixels out, or within "
                "the limits of the model's own image processor."
            )
        self.other_size.append(example.id)
        return self._png(seen), _count(theirs, found.text) - _count(theirs, ours.text)

    def _png(self, image: PILImage.Image) -> bytes:
        self.pixels.append(image.width * image.height)
        return png_of(image)


def _processed(policy: Policy, image: PILImage.Image) -> Any:
    return policy.family.process(image, policy.image_processor, policy.tokenizer, policy.core.config)


def _count(policy: Policy, text: str) -> int:
    return len(policy.tokenizer(text, add_special_tokens=False)["input_ids"])


def _text(message: Message) -> str:
    """A message with a mark for each medium."""
    if message.role == "assistant":
        raise InputError("Its answer begins with given words, which are not exported.")
    if any(mark in part for part in message.content if isinstance(part, str) for mark in MEDIA_TAGS):
        raise InputError(
            f"Its text has one of {', '.join(MEDIA_TAGS)}, which trainers take for an image or a film."
        )
    return "".join(part if isinstance(part, str) else IMAGE_TAG for part in message.content)
