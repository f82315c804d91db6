"""What a model argument means: a run folder is its trained model, and is asked as it was trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from vrft.config.run_config import RunConfig, load_config
from vrft.data.data_options import ReadOptions
from vrft.data.splits.manifest import SavedSplit, split_of_model
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import InputError
from vrft.inference.ask_options import AskOptions
from vrft.inference.provenance import Pixels, settings_of
from vrft.models.model_options import Dtype
from vrft.run_folder import MANIFEST, read_json
from vrft.tasks.registry import load_task
from vrft.tasks.task import Task
from vrft.types import Form, SamplingParams
from vrft.workflows.requests import LENGTH, AskRequest, TaskRequest, reading_of, stated

if TYPE_CHECKING:
    from vrft.inference.policy_predictor import PolicyPredictor
    from vrft.models.image_limits import ImageLimits
    from vrft.models.model_options import ModelOptions


@dataclass(frozen=True)
class TrainedRun:
    """A model as the user names it, its folder or hub id, and the configuration of its own run, if any."""

    model: str
    source: str
    config: RunConfig | None
    """Of a run with several tasks, that of one of them, once it is known which (``about``)."""
    entry: str = ""
    """The name of that one."""

    @classmethod
    def of(cls, model: str) -> Self:
        """Look at a model argument; the configuration of a run of vrft 0.1 is refused."""
        inner, config = Path(model) / "model", Path(model) / "config.yaml"
        if (fit := Path(model) / "fit.json").exists():
            chosen = Path(model) / read_json(fit)["systems"].get("rft", "rft-...")
            raise InputError(f"{model} is the folder of a whole fit. Name one of its runs, as in {chosen}.")
        if not Path(model).exists() and (model.count("/") > 1 or model.startswith((".", "/"))):
            raise InputError(f"{model}: there is no such folder. Check the path.")
        trained = any((inner / name).exists() for name in ("config.json", "adapter_config.json"))
        own = load_config(config) if config.exists() else None
        return cls(model, str(inner) if trained else model, own)

    def about(self, spec: str | None, data: Path | None = None) -> Self:
        """The same run as one that was trained for one task: of several, the one that the user means.

        Args:
            spec: the task, where the user names one.
            data: the labels, where there are any.

        Raises:
            InputError: nothing says which of its tasks is meant.
        """
        if self.config is None or not self.config.tasks:
            return self
        entries = self.config.by_source
        wanted = load_task(spec).name if spec is not None else None
        of_task = {
            name: own for name, own in entries.items() if wanted in (None, own.task.load().name)
        } or entries
        here = {
            name: own for name, own in of_task.items() if data is not None and self._is_of(name, own, data)
        }
        found = here or of_task
        names = dict.fromkeys(own.task.name for own in found.values())
        if spec is None and len(names) > 1:
            raise InputError(f"{self.model} was trained for several tasks. Add --task: {', '.join(names)}.")
        entry, own = next(iter(found.items()))
        return replace(self, config=own, entry=entry)

    def _is_of(self, entry: str, own: RunConfig, data: Path) -> bool:
        facts = Path(self.model) / "run.json"
        places = read_json(facts).get("sources", {}) if facts.is_file() else {}
        root = places.get(entry, {}).get("data_root", own.data.path)
        return data.resolve() in (Path(own.data.path).resolve(), Path(root).resolve())

    @property
    def name(self) -> str:
        """The model that it is of: a run's is the one that its training began with."""
        return self.config.model.path if self.config is not None else self.model

    @property
    def split(self) -> SavedSplit | None:
        """The split that it was trained with, also where its ``model`` folder is named; None where it kept
        none, or the model is of no run."""
        folder = Path(self.model)
        if self.config is None:
            return split_of_model(folder)
        named = self.config.data.manifest
        # A trial of an earlier version has that of its fit.
        places = [folder / MANIFEST, folder.parent / MANIFEST, *([Path(named)] if named is not None else [])]
        file = next((place for place in places if place.is_file()), None)
        return SavedSplit.read(read_json(file)).of_source(self.entry) if file is not None else None

    def _learned_from(self, data: Path) -> bool:
        """Whether these are the images of its training by their place, or may be, where that is empty now."""
        assert self.config is not None
        facts = Path(self.model) / "run.json"
        kept = read_json(facts) if facts.is_file() else {}
        root = kept.get("sources", {}).get(self.entry, kept).get("data_root")
        here = {data.resolve(), data.resolve().parent if data.is_file() else data.resolve()}
        if root is None:
            return Path(self.config.data.path).resolve() in here
        return Path(root) in here or not Path(root).exists()

    def task(self, request: TaskRequest, default: str | None = None) -> Task:
        """The user's task, else that of the run, else a default."""
        own = self.config.task if self.config is not None else None
        spec = request.task or (own.name if own is not None else default)
        if spec is None:
            raise InputError(
                f"{self.model} is not a run folder, so its task is not known. Add --task NAME; "
                "'vrft tasks' lists the names."
            )
        trained = own.options if own is not None and own.name == spec else {}
        return load_task(spec, {**trained, **request.task_options})

    def form(self, request: AskRequest) -> Form:
        return request.form or (self.config.form if self.config is not None else Form.THINK)

    def reading(self, data: Path, request: ReadOptions) -> ReadOptions:
        """How labels are read: as the user says, else, of the images of its training, as there."""
        own = self.config.data if self.config is not None else None
        if own is None or not self._learned_from(data):
            return reading_of(request)
        return ReadOptions(**{**stated(own), **stated(request)})

    def options(self, request: AskRequest, *, batch: int, gate: bool = False) -> AskOptions:
        own = self.config.rollout.max_new_tokens if self.config is not None else LENGTH
        params = SamplingParams(request.temperature, max_new_tokens=request.max_new_tokens or own)
        trained = self.config.evaluation.known_score if self.config is not None else "written"
        return AskOptions(
            params,
            request.samples,
            request.seed,
            request.flip,
            request.scales,
            gate=gate,
            batch=batch,
            score=request.score or trained,
        )

    def settings(self, request: AskRequest, task: Task, options: AskOptions) -> dict[str, Any]:
        return settings_of(self.source, task.name, options, self._pixels(request), self._dtype(request))

    def predictor(
        self, request: AskRequest, options: AskOptions, context: DistributedContext = SINGLE_PROCESS
    ) -> PolicyPredictor:
        from vrft.inference.policy_predictor import PolicyPredictor
        from vrft.models.load_policy import load_policy

        return PolicyPredictor.of(
            load_policy(self._model(request, context.device)), options, request.url, context
        )

    def limits(self, request: AskRequest) -> ImageLimits:
        """Which images the model refuses."""
        from vrft.models.image_limits import image_limits

        return image_limits(self._model(request))

    def _model(self, request: AskRequest, device: str = "auto") -> ModelOptions:
        from vrft.models.model_options import ModelOptions

        least, most = self._pixels(request)
        return ModelOptions(
            path=self.source,
            device=device,
            dtype=self._dtype(request),
            min_pixels=least,
            max_pixels=most,
        )

    def _dtype(self, request: AskRequest) -> Dtype:
        return request.dtype or (self.config.model.dtype if self.config is not None else "auto")

    def _pixels(self, request: AskRequest) -> Pixels:
        own = self.config.model if self.config is not None else None
        least, most = (own.min_pixels, own.max_pixels) if own is not None else (None, None)
        return request.min_pixels or least, request.max_pixels or most
