"""One training run's configuration: one YAML file, one frozen tree; unknown keys are refused.

It holds no option of its own but a run's name and place: every section belongs to what it configures. A
file holds only what differs from the defaults; ``vrft config show`` prints the resolved tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    WrapSerializer,
    model_serializer,
)

from vrft.config.old_keys import refuse_old_keys
from vrft.config.task_entries import TaskChoice, TaskEntry, named
from vrft.data.augment import AugmentOptions
from vrft.data.data_options import DataOptions
from vrft.errors import ConfigError, InputError
from vrft.inference.ask_options import BATCH, AskOptions, EvaluationOptions
from vrft.models.model_options import ModelOptions
from vrft.rollout.rollout_options import RolloutOptions
from vrft.rollout.sampler import check_sampler, check_served
from vrft.tasks.metrics.box_confidences import ScoreName
from vrft.tasks.registry import is_place
from vrft.tasks.scorer import RewardOptions, check_names
from vrft.training.grpo import GrpoOptions
from vrft.training.loggers import LoggerOptions, logger_table
from vrft.training.mixture import Mixture, MixtureOptions
from vrft.training.pseudo_labels import PseudoOptions
from vrft.training.training_options import ChecksOptions, MemoryPlan, OptimOptions
from vrft.types import Form, SamplingParams
from vrft.types.options import MAX_SEED, Choice, Options, did_you_mean


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, str | Mapping) else given


def _written(value: Any, write: SerializerFunctionWrapHandler) -> Any:
    return None if value is None else write(value)


class RunConfig(Options):
    """One training run."""

    method: Literal["rft", "sft"] = "rft"
    """Reinforcement fine-tuning on the policy's own answers, or supervised fine-tuning on gold answers."""
    task: Annotated[TaskChoice, WrapSerializer(_written)] = cast(Any, None)
    """Required, with `data`, unless there are `tasks`."""
    tasks: Annotated[tuple[TaskEntry, ...], AfterValidator(named)] = ()
    """Several tasks instead of `task` and `data`: one policy learns all of them."""
    mixture: MixtureOptions = MixtureOptions()
    seed: int = Field(0, ge=0, le=MAX_SEED)
    """Decides every random choice: the split, the order of questions, the answers that are sampled."""
    out: str = "runs/run"
    """The run's folder; a new one, unless the run is resumed."""
    form: Form = Form.THINK
    """Whether the model is asked to think before it answers."""
    model: ModelOptions = ModelOptions()
    data: Annotated[DataOptions, WrapSerializer(_written)] = cast(Any, None)
    pseudo_labels: PseudoOptions | None = None
    """What training learns from besides the labelled images."""
    augment: AugmentOptions = AugmentOptions()
    rollout: RolloutOptions = RolloutOptions()
    reward: RewardOptions = RewardOptions()
    grpo: GrpoOptions = GrpoOptions()
    optim: OptimOptions = OptimOptions()
    checks: ChecksOptions = ChecksOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    loggers: Annotated[
        tuple[Annotated[LoggerOptions, Choice(logger_table)], ...], BeforeValidator(_as_list)
    ] = ()
    """Trackers besides the JSON lines that are always written: names, or {name: ..., options}."""

    @property
    def by_source(self) -> dict[str, RunConfig]:
        """By name, the same run with one of its tasks alone; of a run with one task, itself under no name."""
        if not self.tasks:
            return {"": self}
        return {
            str(entry.name): self.model_copy(
                update={
                    "task": entry.task,
                    "data": entry.data,
                    "reward": entry.reward or self.reward,
                    "form": entry.form or self.form,
                    "tasks": (),
                }
            )
            for entry in self.tasks
        }

    @property
    def rewards(self) -> dict[str, RewardOptions]:
        """The reward options of each ``Example.source``."""
        return {name: own.reward for name, own in self.by_source.items()}

    @property
    def mixed(self) -> Mixture:
        """How its tasks share the steps."""
        return Mixture(
            self.mixture.temperature,
            {str(entry.name): entry.share for entry in self.tasks if entry.share is not None},
            {str(entry.name): entry.weight for entry in self.tasks},
        )

    @model_serializer(mode="wrap")
    def _one_form(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """``tasks``, or ``task`` and ``data``."""
        tree: dict[str, Any] = write(self)
        return {key: value for key, value in tree.items() if not (self.tasks and key in ("task", "data"))}

    @property
    def samples(self) -> bool:
        """The policy's own answers are learned from."""
        return self.method == "rft"

    def ask_options(self, score: ScoreName | None = None, batch: int = BATCH) -> AskOptions:
        """How its policies are asked, greedily, for validation and evaluation."""
        params = SamplingParams(max_new_tokens=self.rollout.max_new_tokens)
        return AskOptions(params, batch=batch, score=score or self.evaluation.known_score)

    @property
    def memory_plan(self) -> MemoryPlan:
        """What it says about memory."""
        return MemoryPlan(
            self.rollout,
            self.optim,
            samples=self.samples,
            reference=self.samples and (self.grpo.kl.beta > 0 or self.grpo.consistency is not None),
            lora=self.model.lora is not None,
            keeps_best=self.checks.validate_every > 0,
        )


class _UniqueKeys(yaml.SafeLoader):
    """YAML itself lets a second key of one name win without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if twice := next((key for place, key in enumerate(keys) if key in keys[:place]), None):
            raise yaml.constructor.ConstructorError(
                None, None, f"the key '{twice}' is there twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a configuration file.

    Args:
        path: a YAML file.
        overrides: ``key=value`` with dotted keys, values read as YAML.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or was renamed, or a value is out of range;
            names each key.
    """
    try:
        tree = yaml.load(path.read_text(), _UniqueKeys)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: this configuration cannot be read ({error}). Fix the file or its path."
        ) from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: the file has no keys. Write at least task and data.path.")
    for override in overrides:
        set_key(tree, override)
    return make_config(tree, str(path))


def make_config(tree: dict[str, Any], where: str = "configuration") -> RunConfig:
    """Validate a tree of plain values.

    Args:
        tree: as read from YAML.
        where: the file, for messages.

    Raises:
        ConfigError: as ``load_config``.

    Example:
        >>> make_config({"task": "detection", "data": {"path": "photos"}}).grpo.kl.beta
        0.04
    """
    refuse_old_keys(tree, where)
    try:
        missing = _missing(tree)
        config = RunConfig.model_validate(tree)
        if missing:
            raise ConfigError("; ".join(missing))
        _check_names(config)
        return config
    except ValidationError as error:
        wrong = [*missing, *(_sentence(dict(e)) for e in error.errors())]
        raise ConfigError(f"{where}: " + "; ".join(wrong)) from error
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _missing(tree: Mapping[str, Any]) -> list[str]:
    """What a run with one task lacks; one that is of one task and of several is refused."""
    entries = tree.get("tasks")
    if not isinstance(entries, list | tuple | None):
        raise ConfigError("tasks: this is no list. Write an entry with task and data for each task.")
    if not entries:
        lacks = [f"{key}: Field required" for key in ("task", "data") if key not in tree]
        if lacks and entries is not None:
            raise ConfigError("tasks: the list is empty. Write an entry with task and data for each task.")
        return lacks
    if both := [key for key in ("task", "data") if tree.get(key) is not None]:
        raise ConfigError(
            f"{', '.join(both)}: this run has 'tasks', and each of them its own task and data. Put all into "
            "tasks, or leave tasks out."
        )
    if tree.get("pseudo_labels") is not None:
        raise ConfigError("pseudo_labels: they are for runs with one task. Leave them out, or 'tasks'.")
    return []


def _check_names(config: RunConfig) -> None:
    """Refuse early what would be refused late; no file of the user's is loaded for it."""
    if config.model.bits is not None and config.model.lora is None:
        raise ConfigError(
            f"model.bits: weights in {config.model.bits} bits cannot learn, an adapter on them can. Set "
            "model.lora: {rank: 16}, or leave model.bits out."
        )
    _check_shard(config)
    if config.grpo.confidence_weight and config.evaluation.score != "expected":
        raise ConfigError(
            "grpo.confidence_weight: what it teaches is the mean of the written confidence. Set "
            "evaluation.score: expected, or leave it out."
        )
    direct = any(own.form is not Form.THINK for own in config.by_source.values())
    if config.samples and config.grpo.consistency is not None and direct:
        raise ConfigError(
            "grpo.consistency: it asks whether an answer follows from its thought, and form: direct has "
            "none. Set form: think (vrft fit --form think), or grpo.consistency: null."
        )
    check_sampler(config.rollout.sampler)
    check_served(config.rollout)
    if config.rollout.overlap and any(own.data.select is not None for own in config.by_source.values()):
        raise ConfigError(
            "rollout.overlap, data.select: questions are chosen by the answers of the step before, and the "
            "next one is drawn before those are scored. Leave data.select out, or set rollout.overlap: false."
        )
    for source, own in config.by_source.items():
        if is_place(own.task.name):
            continue
        entry = f"tasks: {source}: " if source else ""
        try:
            check_names(own.task.load(), own.reward)
        except ConfigError as error:
            raise ConfigError(f"{entry}{error}") from error
        except InputError as error:
            raise ConfigError(f"{entry or 'task: '}{error}") from error


def _check_shard(config: RunConfig) -> None:
    """Refuse what cannot be divided among processes."""
    others = {
        "model.bits": config.model.bits,
        "rollout.url": config.rollout.url or None,
        "grpo.consistency": config.grpo.consistency,
        "optim.activation_offload": config.optim.activation_offload or None,
    }
    if config.optim.shard and (found := [key for key, value in others.items() if value is not None]):
        raise ConfigError(
            f"optim.shard: it does not go together with {', '.join(found)}. Leave the one or the other out."
        )


def set_key(tree: dict[str, Any], override: str) -> None:
    """Set one key of a tree of plain values, in place: ``key=value`` with dots, the value read as YAML.

    Example:
        >>> tree = {"optim": {"steps": 5}, "task": "detection"}
        >>> set_key(tree, "optim.steps=9")
        >>> set_key(tree, "task.subject=plant")
        >>> tree
        {'optim': {'steps': 9}, 'task': {'name': 'detection', 'subject': 'plant'}}
    """
    key, found, value = override.partition("=")
    if not found:
        raise ConfigError(f"'{override}' is not an override. Write key=value, as in optim.steps=100.")
    *parents, leaf = key.split(".")
    section: Any = tree
    for parent in parents:
        if isinstance(section, list):
            section = _item(section, parent, override)
            continue
        inner = section.get(parent)
        # A choice that is a bare name gets options; a section that is null is opened by naming one of its
        # keys.
        section[parent] = {"name": inner} if isinstance(inner, str) else {} if inner is None else inner
        section = section[parent]
        if not isinstance(section, dict | list):
            raise ConfigError(f"'{override}': '{parent}' is not a section.")
    if isinstance(section, list):
        raise ConfigError(f"'{override}': '{parents[-1]}' is a list. Name a key of one of its items.")
    try:
        section[leaf] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"'{override}': the value is not YAML ({error}). Quote it.") from error


def _item(items: list[Any], place: str, override: str) -> Any:
    """An item of a list by its place, from 0, or by its name."""
    known = {str(item.get("name")): item for item in items if isinstance(item, dict) and item.get("name")}
    known |= {str(number): item for number, item in enumerate(items)}
    if not isinstance(known.get(place), dict):
        raise ConfigError(f"'{override}': there is no entry '{place}'. Choose one of: {', '.join(known)}.")
    return known[place]


def config_schema() -> dict[str, Any]:
    """The JSON Schema of a configuration, by which editors complete and check YAML files."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **RunConfig.model_json_schema()}


def dump_config(config: RunConfig) -> str:
    """The resolved configuration as YAML."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _sentence(error: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        given = error["input"]
        plain = error["msg"].startswith("Input") and isinstance(given, str | int | float)
        shown = f", not {given!r}" if plain else ""
        return f"{key}: {error['msg'].removeprefix('Value error, ')}{shown}"
    last = str(error["loc"][-1])
    hint = did_you_mean(last, _keys_at(error["loc"][:-1]))
    if not hint and (elsewhere := [name for name in _every_key() if name.rpartition(".")[2] == last]):
        hint = f" Did you mean '{elsewhere[0]}'?"  # a key that was put into the wrong section
    return f"{key}: there is no such key.{hint}"


def _every_key() -> list[str]:
    return [f"{section}.{key}" for section in RunConfig.model_fields for key in _keys_at([section])]


def _keys_at(path: Sequence[str | int]) -> list[str]:
    model: type[BaseModel] = RunConfig
    for part in path:
        if isinstance(part, int):  # an entry of a list has the keys of the others
            continue
        found = model.model_fields.get(part)
        inner = next(_models_in(found.annotation), None) if found is not None else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    for inner in get_args(annotation):
        yield from _models_in(inner)
    if not get_args(annotation) and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
