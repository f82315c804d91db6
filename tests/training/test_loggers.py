"""Loggers: what the real trackers wrote is read back, numbers and images."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as PILImage

from training.planted import question
from vrft.errors import ConfigError
from vrft.run_folder import METRICS, ROLLOUTS, RunFolder
from vrft.tasks.registry import load_task
from vrft.training.loggers import LoggerOptions, RunDescription, logger_table, open_loggers
from vrft.training.loggers.tensorboard import TensorBoard
from vrft.training.loggers.wandb import WeightsAndBiases
from vrft.types import Completion, CoordinateFrame, Prompt, Rollout, RolloutGroup, Turn
from vrft.types.rows import group_from_row

WH = (40, 32)
TEXT = "[{'Position': [100, 125, 750, 938], 'Confidence': 0.9}]"
BLUE = (0x1F, 0x6F, 0xEB)
"""The answer's color in what a tracker shows."""


@pytest.fixture
def group(tmp_path):
    return group_at(tmp_path)


def group_at(tmp_path):
    """Two rollouts to one question about a white image."""
    path = tmp_path / "white.png"
    PILImage.new("RGB", WH, "white").save(path)
    example, task = question(path, WH, "white"), load_task("detection")
    turns = (Turn(Prompt(frames=(CoordinateFrame("norm1000", (0, 0, *WH), WH),)), Completion(TEXT)),)
    rollout = Rollout(
        example, turns, task.parse_turns(example, turns), terms={"iou": 0.75, "format": None}, reward=0.75
    )
    return RolloutGroup(example, (rollout, replace(rollout, reward=0.25)))


def run_of(tmp_path, resumes=False, rollouts="all"):
    folder = RunFolder(tmp_path / "my_run")
    folder.open(resume=True)
    folder.write_json("run.json", {})
    return RunDescription(folder, "my_run", {"seed": 3}, resumes, rollouts)


def log_three_steps(logger, group):
    logger.start(0)
    for step in (1, 2, 3):
        logger.log(step, {"reward": step / 4, "terms": {"iou": 0.5}, "note": "kept out"})
        logger.log_groups(step, [group])
    logger.close()


def is_drawn(image):
    """Whether the answer's outline is seen in an image that was white."""
    pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    return bool((np.abs(pixels - np.array(BLUE)).sum(1) < 60).any())


def test_tensorboard_holds_the_numbers_the_texts_and_the_image(tmp_path, group):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log_three_steps(TensorBoard(every=2).open(run_of(tmp_path)), group)
    read = EventAccumulator(str(tmp_path / "my_run" / "tensorboard"))
    read.Reload()
    tags = read.Tags()
    assert set(tags["scalars"]) == {"reward", "terms/iou"}
    assert [(e.step, e.value) for e in read.Scalars("reward")] == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert [e.step for e in read.Images("rollouts/0")] == [2]
    (tmp_path / "seen.png").write_bytes(read.Images("rollouts/0")[0].encoded_image_string)
    with PILImage.open(tmp_path / "seen.png") as image:
        assert is_drawn(image)
    (tag,) = [t for t in tags["tensors"] if t.startswith("rollouts/0")]
    (event,) = read.Tensors(tag)
    text = event.tensor_proto.string_val[0].decode()
    assert "0.750 (iou 0.75, format -)" in text
    assert TEXT in text


def test_tensorboard_drops_what_a_resumed_run_draws_anew(tmp_path, group):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log_three_steps(TensorBoard().open(run_of(tmp_path)), group)
    resumed = TensorBoard().open(run_of(tmp_path, resumes=True))
    resumed.start(1)
    resumed.log(2, {"reward": 9.0})
    resumed.close()
    read = EventAccumulator(str(tmp_path / "my_run" / "tensorboard"))
    read.Reload()
    assert [(e.step, e.value) for e in read.Scalars("reward")] == [(1, 0.25), (2, 9.0)]


def test_trackio_holds_the_numbers_and_the_image(tmp_path, group):
    run_apart(
        tmp_path,
        {"TRACKIO_DIR": str(tmp_path / "trackio")},
        "from vrft.training.loggers.trackio import Trackio as T; "
        "log_three_steps(T(every=2).open(run), group)",
    )
    with sqlite3.connect(tmp_path / "trackio" / "vrft.db") as database:
        rows = [
            (step, json.loads(metrics))
            for step, metrics in database.execute("SELECT step, metrics FROM metrics ORDER BY id")
        ]
        (config,) = database.execute("SELECT config FROM configs").fetchone()
    numbers = [(step, row) for step, row in rows if "reward" in row]
    assert numbers == [(step, {"reward": step / 4, "terms/iou": 0.5}) for step in (1, 2, 3)]
    ((step, shown),) = [(step, row["rollouts/0"]) for step, row in rows if "rollouts/0" in row]
    assert (step, shown["caption"]) == (2, f"{group.example.id}: 0.75")
    with PILImage.open(tmp_path / "trackio" / "media" / shown["file_path"]) as image:
        assert is_drawn(image)
    assert json.loads(config)["seed"] == 3


def test_wandb_holds_the_numbers_the_texts_and_the_image(tmp_path, group):
    home = str(tmp_path / "wandb_home")
    run_apart(
        tmp_path,
        {"WANDB_SILENT": "true", "WANDB_CACHE_DIR": home, "WANDB_CONFIG_DIR": home, "WANDB_DATA_DIR": home},
        "from vrft.training.loggers.wandb import WeightsAndBiases as W; "
        "log_three_steps(W(mode='offline', every=2).open(run), group)",
    )
    (folder,) = (tmp_path / "my_run" / "wandb").glob("offline-run-*")
    (written,) = folder.glob("*.wandb")
    rows = wandb_rows(written)
    assert [(row["step"], row["reward"], row["terms/iou"]) for row in rows if "reward" in row] == [
        (step, step / 4, 0.5) for step in (1, 2, 3)
    ]
    (shown,) = [row for row in rows if "rollouts" in row]
    assert shown["step"] == 2
    table = json.loads((folder / "files" / shown["rollouts"]["path"]).read_text())
    assert [row[0] for row in table["data"]] == [group.example.id] * 2
    assert "0.750 (iou 0.75, format -)" in table["data"][0][1]
    with PILImage.open(folder / "files" / shown["rollouts/0"]["path"]) as image:
        assert is_drawn(image)
    assert (tmp_path / "my_run" / "wandb_id.txt").read_text().strip() in written.name


def run_apart(tmp_path, environment, code):
    """Trackers keep threads and folders of their own: each gets a process."""
    import subprocess
    import sys

    head = (
        "from pathlib import Path; from training.test_loggers import group_at, log_three_steps, run_of; "
        f"path = Path({str(tmp_path)!r}); group = group_at(path); run = run_of(path); "
    )
    paths = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        [sys.executable, "-c", head + code],
        env={**os.environ, **environment, "PYTHONPATH": paths},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def wandb_rows(path):
    """The history of a .wandb file: records in blocks as LevelDB's log has them, each a protocol buffer."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, block, place, record, rows = path.read_bytes(), 32768, 7, b"", []
    while place + 7 <= len(data):
        left = block - place % block
        if left < 7:
            place += left
            continue
        size, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        record += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last part
            found = Record()
            found.ParseFromString(record)
            record = b""
            if found.WhichOneof("record_type") == "history":
                row = {}
                for item in found.history.item:
                    name, *inner = item.nested_key or [item.key]
                    value = json.loads(item.value_json)
                    if inner:
                        row.setdefault(name, {})[inner[0]] = value
                    else:
                        row[name] = value
                rows.append(row)
    return rows


def test_a_missing_package_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match=r"pip install 'vrft\[wandb\]'"):
        WeightsAndBiases().open(run_of(tmp_path))


def test_jsonl_is_always_there_and_keeps_as_many_groups_as_asked(tmp_path, group):
    run = run_of(tmp_path, rollouts="1")
    (logger,) = open_loggers([], run)
    logger.start(0)
    logger.log(1, {"reward": 0.5})
    logger.log_groups(1, [group, group])
    rows = (run.folder.path / ROLLOUTS).read_text().splitlines()
    assert [group_from_row(json.loads(row)) for row in rows] == [(1, group)]
    assert json.loads((run.folder.path / METRICS).read_text()) == {"step": 1, "reward": 0.5}


def test_a_logger_of_the_users_own_is_one_file(tmp_path, group, monkeypatch):
    from vrft.config.run_config import make_config

    (tmp_path / "my_logger.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    config = make_config(
        {"task": "detection", "data": {"path": "x"}, "loggers": [{"name": "my_logger.py:Best", "size": 2}]}
    )
    log_three_steps(open_loggers(config.loggers, run_of(tmp_path))[-1], group)
    assert (tmp_path / "my_run" / "best.txt").read_text() == "3: 0.75\n2: 0.5\n"


def test_a_tracker_that_fails_is_left_out_and_the_run_goes_on(tmp_path, group, caplog):
    class Broken(LoggerOptions):
        def open(self, run):
            return self

        def start(self, step):
            pass

        def log(self, step, metrics):
            raise OSError("the net is down")

        def log_groups(self, step, groups):
            raise AssertionError("it is left out by now")

        def close(self):
            raise AssertionError("it is left out by now")

    run = run_of(tmp_path)
    jsonl, broken = open_loggers([Broken()], run)
    log_three_steps(broken, group)
    (record,) = caplog.records
    assert "Broken failed" in record.getMessage() and "the net is down" in record.getMessage()
    log_three_steps(jsonl, group)
    assert len((run.folder.path / METRICS).read_text().splitlines()) == 3


def test_a_tracker_that_cannot_begin_is_a_sentence(tmp_path):
    class Refused(LoggerOptions):
        def open(self, run):
            return self

        def start(self, step):
            raise RuntimeError("no login")

    (_, refused) = open_loggers([Refused()], run_of(tmp_path))
    with pytest.raises(ConfigError, match="Refused cannot start"):
        refused.start(0)


OWN = """
from vrft.training.loggers import LoggerOptions

class Best(LoggerOptions):
    size: int = 1

    def open(self, run):
        return Writer(self.size, run.folder.path / "best.txt")

class Writer:
    def __init__(self, size, path):
        self.size, self.path, self.seen = size, path, []

    def start(self, step):
        self.seen = []

    def log(self, step, metrics):
        self.seen.append((metrics["reward"], step))

    def log_groups(self, step, groups):
        pass

    def close(self):
        best = sorted(self.seen, reverse=True)[: self.size]
        self.path.write_text("".join(f"{step}: {reward}\\n" for reward, step in best))
"""


def test_every_logger_is_found_by_its_module():
    assert set(logger_table()) == {"jsonl", "tensorboard", "trackio", "wandb"}
