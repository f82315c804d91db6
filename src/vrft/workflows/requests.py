"""What a user may ask for, in Python or on the command line, whose help shows the descriptions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from vrft.data.data_options import ReadOptions
from vrft.errors import InputError
from vrft.inference.ask_options import BATCH
from vrft.models.model_options import Dtype
from vrft.training.training_options import Gpus
from vrft.types import Form
from vrft.types.names import nfc
from vrft.types.options import MAX_SEED, Options

LENGTH = 512
"""Tokens of an answer, at most, of a model that no run of ours knows."""
Request = TypeVar("Request", bound=Options)
Part = Literal["all", "train", "val", "heldout"]


def _split(read: Callable[[str], Any], example: str) -> BeforeValidator:
    def validate(given: Any) -> Any:
        try:
            parts = [part.strip() for part in given.split(",")] if isinstance(given, str) else given
            return tuple(read(part) for part in parts if part != "")
        except ValueError as error:
            raise ValueError(f"write {example}") from error

    return BeforeValidator(validate)


def _gpus(given: Any) -> Any:
    try:
        return Gpus.read(given) if isinstance(given, str) else given
    except ValueError as error:
        raise ValueError("write their number and the GiB of each as in 8x80") from error


_read_gpus = BeforeValidator(_gpus)
Numbers = Annotated[tuple[float, ...], _split(float, "numbers as in 0.75,1.25")]
"""Also as a text with commas between."""
Names = Annotated[tuple[str, ...], _split(lambda name: nfc(str(name)), "names as in cat,dog")]
"""Also as a text with commas between."""
TASK = "The task: a name ('vrft tasks' lists them), a YAML file, package.module:TASK, or file.py:TASK."
SEED = "Decides every random choice."
FUSE = "The rule that makes one answer of several; 'vrft tasks' lists those of each task."
SAM = "A SAM folder or hub id (SAM 1, 2 or 3), or flood_fill for drawn scenes"
MODEL = "A run folder, a model or adapter folder, a hub id, or 'miniature'."
AS_TRAINED = "By default as trained, else"
KEPT = "What it holds is not asked again."
LABELS = tuple(ReadOptions.model_fields)
"""Options of how labels are read."""
NOVEL = "Categories that training has not seen, with commas between."


class TaskOptionsRequest(Options):
    """Options of a task that is known from elsewhere."""

    task_option: tuple[str, ...] = Field((), description="Option of the task: subject=plant. Repeatable.")

    @property
    def task_options(self) -> dict[str, Any]:
        """The options of the task, values read as YAML."""
        return dict(map(_pair, self.task_option))


class TaskRequest(TaskOptionsRequest):
    """Which task is meant."""

    task: str | None = Field(None, description=f"{TASK} By default that of the model's own run.")


class AskRequest(TaskRequest):
    """How a model is asked; what is left out is as in the training of the model's own run."""

    form: Form | None = Field(None, description="Whether to reason first. By default as trained, else think.")
    samples: int = Field(1, description="Answers to each question; the first is greedy, others are sampled.")
    temperature: float = Field(1.0, description="Temperature of the sampled answers, above 0.")
    fuse: str | None = Field(None, description=FUSE)
    score: Literal["written", "box_logprob", "expected"] | None = Field(
        None, description="Confidences of boxes: written, box_logprob or expected. By default as trained."
    )
    flip: bool = Field(False, description="Also ask about the mirrored image.")
    scales: Numbers = Field((), description="Also ask about the image scaled by these factors: 0.75,1.5.")
    max_new_tokens: int | None = Field(
        None, ge=1, description=f"Most tokens of an answer. {AS_TRAINED} {LENGTH}."
    )
    min_pixels: int | None = Field(None, ge=1, description="Least pixels of an image as the model sees it.")
    max_pixels: int | None = Field(None, ge=1, description="Most pixels of an image as the model sees it.")
    dtype: Dtype | None = Field(None, description=f"Precision of the weights. {AS_TRAINED} the device's own.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description=SEED)
    url: tuple[str, ...] = Field(
        (), description="Address of a vLLM server (vrft serve) that answers. Repeat it for several."
    )


class PredictRequest(AskRequest):
    """Questions about images that nobody has labelled."""

    model: str = Field(description=MODEL)
    image: str = Field(description="An image, a folder of images, or - for one image on standard input.")
    questions: tuple[str, ...] = Field(
        (), description="Categories, phrases, or a kind of thing; puzzles and texts need none."
    )
    options: tuple[str, ...] = Field((), description="A class name to choose from. Repeat it for each name.")
    against: Path | None = Field(None, description="A COCO file whose ids --format coco uses.")
    sam: str | None = Field(None, description=f"{SAM}, to make masks of the answers.")
    drawn: Path | None = Field(None, description="The file of the drawn image, for a single image.")
    out: Path | None = Field(None, description=f"Folder that keeps answers and drawn images. {KEPT}")


class EvaluateRequest(AskRequest, ReadOptions):
    """How a model is evaluated on labelled images."""

    part: Part | None = Field(None, description="all, train, val or heldout. By default heldout, if known.")
    manifest: Path | None = Field(None, description="A saved split (manifest.json) of the images.")
    eval_max: int = Field(1000, ge=1, description="Most questions, evenly spaced over all.")
    gate: bool = Field(False, description="First ask whether the category is there at all.")
    novel: Names = Field((), description=NOVEL)
    sam: str | None = Field(None, description=f"{SAM}, to measure gIoU and cIoU of regions.")
    batch: int = Field(BATCH, description="Questions encoded together; fewer take less memory.")


class FilesRequest(TaskOptionsRequest):
    """How files of answers, written by any model, are scored."""

    against: tuple[Path, ...] = Field((), description="A second system's file. Repeat it for seeds.")
    reader: str | None = Field(None, description="A module:function or file.py:function that reads the file.")
    labels: Path | None = Field(None, description="The annotations that COCO results in the file belong to.")
    by: str | None = Field(None, description="A field of the rows whose values make groups.")
    fuse: str | None = Field(None, description=FUSE)
    novel: Names = Field((), description=NOVEL)


class CheckRequest(TaskOptionsRequest, ReadOptions):
    """What is examined before a training."""

    path: Path = Field(description="Labelled images, a YAML file, or the name of a shipped recipe.")
    overrides: tuple[str, ...] = Field((), description="key=value, such as model.max_pixels=200704.")
    task: str | None = Field(None, description=f"{TASK} By default what the labels suggest.")
    model: str | None = Field(None, description="The model. By default as configured, or 'miniature'.")
    shots: int | None = Field(None, ge=1, description="Images per class. By default as configured, or 4.")
    seed: int | None = Field(
        None, ge=0, le=MAX_SEED, description="Decides the split. By default as configured, or 0."
    )
    gpu_memory: float | None = Field(
        None, gt=0, description="GiB of the GPU that will train, where it is not in this machine."
    )
    gpus: Annotated[Gpus | None, _read_gpus] = Field(
        None, description="GPUs that will train together, as in 8x80: eight of 80 GiB each."
    )
    out: Path = Field(Path("check"), description="Folder that drawn images go to.")

    @property
    def names_gpus(self) -> bool:
        """Whether the training will be on GPUs that need not be in this machine."""
        return self.gpu_memory is not None or self.gpus is not None


class ProbeRequest(TaskOptionsRequest, ReadOptions):
    """What is sampled before a training."""

    path: Path = Field(description="Labelled images, a YAML file, or the name of a shipped recipe.")
    overrides: tuple[str, ...] = Field((), description="key=value, such as rollout.max_new_tokens=300.")
    task: str | None = Field(None, description=f"{TASK} By default what the labels suggest.")
    model: str | None = Field(None, description="The model. By default 'miniature'.")
    shots: int | None = Field(None, ge=1, description="Images per class. By default 4.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Decides the split of a folder.")
    form: Form | None = Field(None, description="Whether to reason first. By default think.")
    samples: int | None = Field(
        None, ge=2, description="Answers to each question; by default 32, or the group size if that is more."
    )
    questions: int = Field(16, ge=1, description="Most training questions.")
    temperatures: Numbers = Field(
        (0.7, 1.0, 1.3), description="Temperatures that are compared on a few questions; '' compares none."
    )


class AuditRequest(Options):
    """Which reward is attacked."""

    reward: str = Field(description="A task, or a reward as package.module:function or file.py:function.")
    task: str | None = Field(None, description=f"Of a reward of your own. {TASK}")
    settings: str | None = Field(None, description="The task's reward setting. By default 'recommended'.")
    high: float | None = Field(None, description="Largest value of your own reward. By default 1.")
    form: Form = Field(Form.THINK, description="Whether answers have reasoning before them.")
    frame: str = Field(
        "norm1000", description="How answers write places: norm1000, resized_pixels, norm1 or norm100."
    )
    targets: int = Field(500, description="Number of questions, at least 60.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description=SEED)


class TaskNewRequest(ReadOptions):
    """From which labels a definition is proposed."""

    labels: Path = Field(description="Labelled images.")
    type: str | None = Field(None, description="The answer type. By default what suits the labels best.")
    out: Path | None = Field(None, description="The YAML file to write. By default it is printed.")


class TaskCheckRequest(ReadOptions):
    """Which task is tried."""

    definition: str = Field(description="A YAML file that defines a task, or any other task.")
    data: Path | None = Field(None, description="Labelled images whose answers the audit asks about.")
    search_weights: Path | None = Field(
        None,
        description="Search weights of the reward that the audit passes, and that order these answers to "
        "validation questions (predictions.jsonl of vrft eval --samples) as the metric does.",
    )
    targets: int = Field(200, description="Number of questions of the audit, at least 60.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description=SEED)


def stated(request: ReadOptions) -> dict[str, Any]:
    """What a user said of how labels are read."""
    given = {name: getattr(request, name) for name in ReadOptions.model_fields}
    return {name: value for name, value in given.items() if value not in (None, False)}


def reading_of(request: ReadOptions) -> ReadOptions:
    """How labels are read, of a request that says more."""
    return ReadOptions(**stated(request))


def _pair(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise InputError(f"--task-option {text}: write it as NAME=VALUE, as in subject=plant.")
    return name, yaml.safe_load(value)


def made(request: type[Request], **given: Any) -> Request:
    """What is asked for; InputError where a value cannot be used."""
    try:
        return request(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name, said = first["loc"][0], first["msg"].removeprefix("Value error, ")
        raise InputError(f"{name}={first['input']!r}: {said}.") from error
