"""However a command ends, it ends in a sentence: hostile settings, full disks, faults of vrft itself."""

from __future__ import annotations

import io
import json
import logging
import resource
import signal
import sqlite3
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

import vrft.cli.endings
import vrft.workflows.audit_reward
from launch import vrft as command
from vrft.cli.endings import plain_endings
from vrft.data.fingerprints import fingerprints
from vrft.errors import RunError
from vrft.miniature.folders import write_detection
from vrft.run_folder import RunFolder, append_row, write_text

REWARDS = """
import sys

def three(answer, target, judge):
    return 1.0

def fails(answer, target):
    return 1 / 0
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder with images, a configuration, rewards, and a file where a folder is wanted."""
    folder = tmp_path_factory.mktemp("place")
    write_detection(folder / "photos", 0, train=8, val=4, heldout=2)
    (folder / "file").write_text("")
    (folder / "rewards.py").write_text(REWARDS)
    (folder / "exits.py").write_text("import sys\nsys.exit(3)\n")
    tree = {
        "task": "detection",
        "form": "direct",
        "data": {"path": "photos", "shots": 1},
        "model": {"path": "miniature", "device": "cpu"},
        "rollout": {"group_size": 2, "max_new_tokens": 4},
        "optim": {"steps": 2, "prompts_per_step": 2},
        "checks": {"validate_every": 0},
        "out": "run",
    }
    (folder / "a.yaml").write_text(json.dumps(tree))
    (folder / "twice.yaml").write_text("task: detection\ndata: {path: photos}\nseed: 1\nseed: 2\n")
    return folder


def refused(place, *words, status=2):
    """What a command says that ends with a status, in one paragraph and without a traceback."""
    ended = command(*words, cwd=place)
    assert ended.returncode == status, ended
    assert "Traceback (most" not in ended.stderr, ended.stderr
    return ended.stderr


UNWRITABLE = ("file", "file/inside", "/dev/null", "/proc/nothing")
SETTINGS = (
    ("seed=-1", "seed"),
    ("seed=99999999999999999999", "seed"),
    ("model.device=tpu", "model.device: 'tpu' cannot be used"),
    ("model.device=cuda:99", "model.device: 'cuda:99' cannot be used"),
    ("model.attention=flash_attention_3", "model.attention: 'flash_attention_3' cannot be used"),
    ("model.path=./nowhere/at/all", "there is no such folder"),
    ("steps=3", "Did you mean 'optim.steps'?"),
    ("optim.steps=0", "optim.steps"),
    ("optim.steps=many", "optim.steps"),
    ("rollout.group_size=.nan", "rollout.group_size"),
    ("data.path=nowhere", "nowhere: There is no such folder or file"),
    ("reward.weights.iou=-1", "reward.weights.iou: Input should be greater than or equal to 0"),
    ("reward.custom={rewards.py:three: 1}", r"three takes (answer, target, judge)"),
    ("reward.custom={rewards.py:four: 1}", "rewards.py does not define four"),
    ("reward.custom={exits.py:reward: 1}", "exits.py:reward cannot be loaded (SystemExit: 3)"),
    ("reward.custom={nowhere.py:reward: 1}", "there is no file nowhere.py"),
    ('reward.custom={"http://127.0.0.1:1/a": 1}', "'http://127.0.0.1:1/a' failed on all"),
    ("reward.custom={rewards.py:fails: 1}", "ZeroDivisionError: division by zero"),
)


@pytest.mark.parametrize(("setting", "says"), SETTINGS)
def test_train_refuses_a_setting_in_a_sentence(place, tmp_path, setting, says):
    retries = 'reward.options={"http://127.0.0.1:1/a": {retries: 0}}'
    others = [retries] if "http" in setting else []
    assert says in refused(place, "train", "a.yaml", f"out={tmp_path / 'run'}", setting, *others)


@pytest.mark.parametrize("setting", ["seed=-1", "model.device=tpu", "steps=3", "out=file"])
def test_sft_refuses_a_setting_in_a_sentence(place, setting):
    refused(place, "sft", "a.yaml", setting)


@pytest.mark.parametrize("out", UNWRITABLE)
@pytest.mark.parametrize(
    "words",
    [
        ("train", "a.yaml", "out="),
        ("fit", "photos", "--task", "detection", "--model", "miniature", "--out"),
        ("eval", "miniature", "photos", "--task", "detection", "--out"),
        ("predict", "miniature", "photos/train/images", "two", "--out"),
        ("check", "photos", "--out"),
        ("convert", "photos", "--to", "yolo"),
        ("demo", "--out"),
    ],
    ids=lambda words: words[0],
)
def test_a_place_that_cannot_be_written_is_named_before_any_work(place, words, out):
    if words[-1] == "out=":
        words = (*words[:-1], f"out={out}")
    elif words[0] == "convert":
        words = (*words[:2], out, *words[2:])
    else:
        words = (*words, out)
    assert out in refused(place, *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("fit", "photos", "--task", "detection", "--model", "miniature", "--seed", "-1"), "--seed"),
        (("fit", "photos", "--task", "detection", "--model", "miniature", "steps=3"), "steps"),
        (("fit", "photos", "--task", "detection", "--model", "miniature", "reward.weights.iou=-1"), "iou"),
        (("predict", "miniature", "photos/train/images", "two", "--seed", "-1"), "--seed"),
        (("predict", "miniature", "photos/train/images", "two", "--samples", "0"), "samples"),
        (("predict", "miniature", "photos/train/images", "two", "--scales", "-1"), "cannot be scaled"),
        (("predict", "miniature", "file", "two"), "file"),
        (("eval", "miniature", "photos", "--task", "detection", "--sam", "x"), "has no region"),
        (("eval", "miniature", "photos", "--task", "detection", "--max-new-tokens", "0"), "max-new-tokens"),
        (("eval", "miniature", "nowhere", "--task", "detection"), "nowhere"),
        (("audit", "detection", "--seed", "-1"), "--seed"),
        (("audit", "exits.py:reward", "--task", "detection"), "SystemExit"),
        (("audit", "rewards.py:three", "--task", "detection"), "three takes"),
        (("check", "twice.yaml"), "the key 'seed' is there twice"),
        (("check", "a.yaml", "reward.custom={rewards.py:three: 1}"), "three takes"),
        (("probe", "a.yaml", "model.device=tpu"), "model.device"),
        (("score", "nowhere.jsonl"), "nowhere.jsonl"),
        (("report", "nowhere"), "nowhere"),
        (("config", "show", "file"), "the file has no keys"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_other_verbs_refuse_in_a_sentence(place, words, says):
    assert says in refused(place, *words)


# ---- the safety net


@pytest.fixture
def breaks(monkeypatch):
    """``vrft audit`` raises what a test wants."""

    def with_error(error):
        def raising(*arguments):
            raise error

        monkeypatch.setattr(vrft.workflows.audit_reward, "audit_reward", raising)

    return with_error


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (MemoryError(), 2, "optim.micro_prompts=1"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried"), 2, "--samples"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), 2, "The memory is used up"),
        (OSError(28, "No space left on device", "runs/a"), 2, "runs/a: No space left on device. What was"),
        (PermissionError(13, "Permission denied", "b.json"), 2, "b.json: Permission denied. What was"),
        (
            FileNotFoundError(2, "No such file or directory", "c.json"),
            2,
            "c.json: No such file or directory. Check",
        ),
        (sqlite3.OperationalError("database or disk is full"), 2, "Free space"),
        (ModuleNotFoundError("No module named 'peft'", name="peft"), 2, "pip install 'vrft[train]'"),
        (KeyboardInterrupt(), 130, "Stopped."),
        (RunError("a b."), 2, "a b."),
    ],
)
def test_what_is_not_a_fault_of_vrft_ends_in_advice(place, breaks, error, status, says):
    breaks(error)
    assert says in refused(place, "audit", "detection", status=status)


def test_a_fault_of_vrft_is_said_in_a_sentence_and_its_traceback_kept(place, breaks):
    breaks(KeyError("lost"))
    said = refused(place, "audit", "detection", status=1)
    assert said.startswith("This is a fault of vrft, not of your input: KeyError: 'lost'.")
    file = Path(said.partition("The traceback is in ")[2].partition(";")[0])
    assert "open an issue" in said and len(said.splitlines()) == 1
    assert file.read_text().startswith("Traceback") and "KeyError: 'lost'" in file.read_text()


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "refused"), OSError("odd"), RecursionError()])
def test_what_no_user_can_change_is_a_fault_of_vrft(place, breaks, error):
    breaks(error)
    assert "This is a fault of vrft" in refused(place, "audit", "detection", status=1)


INTERRUPTED = """
import sys
import vrft.__main__

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "vrft.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
vrft.__main__.main()
"""


def test_an_interrupt_while_modules_are_loaded_ends_in_a_line(tmp_path):
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Stopped.\n")


@pytest.mark.parametrize("words", [("--debug", "audit", "detection"), ("audit", "detection", "--debug")])
def test_debug_prints_the_traceback(place, breaks, words):
    breaks(KeyError("lost"))
    ended = command(*words, cwd=place)
    assert ended.returncode == 1 and "Traceback (most recent call last)" in ended.stderr


def test_a_fault_in_a_run_leaves_its_traceback_in_the_runs_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(SystemExit) as ended, plain_endings(debug=False), folder.held():
        raise ZeroDivisionError("in a step")
    assert ended.value.code == 1 and "in a step" in (folder.path / "error.txt").read_text()
    with pytest.raises(RunError), folder.held():
        raise RunError("a sentence.")
    assert (folder.path / "error.txt").read_text().count("Traceback") == 1


# ---- streams and warnings


def test_a_name_that_the_terminal_cannot_show_ends_nothing(monkeypatch):
    bytes_ = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_, encoding="ascii"))
    with plain_endings(debug=False):
        print("café")
        sys.stdout.flush()
    assert bytes_.getvalue() == b"caf\\xe9\n"


@pytest.mark.parametrize("debug", [False, True])
def test_libraries_warn_their_developers_with_debug_alone(debug, capsys, recwarn):
    with plain_endings(debug=debug):
        warnings.warn("will change", FutureWarning, stacklevel=1)
        warnings.warn(
            "Image size (90000000 pixels) exceeds limit of 89478485 pixels", RuntimeWarning, stacklevel=1
        )
        logging.getLogger("vrft.training").warning("A sentence.")
    assert capsys.readouterr().err == "A sentence.\n"
    assert len(recwarn) == 2 * debug


def test_a_warning_is_a_sentence_and_names_its_place_where_it_is_not_of_vrft(capsys):
    with plain_endings(debug=False):
        warnings.warn_explicit("The adapter is new.", RuntimeWarning, vrft.cli.endings.__file__, 1)
        warnings.warn("divided by zero", RuntimeWarning, stacklevel=1)
    ours, other = capsys.readouterr().err.splitlines()
    assert ours == "The adapter is new."
    assert other.startswith(f"divided by zero (RuntimeWarning, {__file__}, line ")


# ---- full disks


@contextmanager
def small_files(limit: int):
    """No file may become larger than so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_named_and_what_was_there_stays(tmp_path):
    write_text(tmp_path / "a.json", "old")
    append_row(tmp_path / "rows.jsonl", {"row": 1})
    with small_files(100):
        with pytest.raises(RunError, match=r"a\.json\.new: it cannot be written \(File too large\)"):
            write_text(tmp_path / "a.json", "new" * 99)
        with pytest.raises(RunError, match=r"rows\.jsonl: it cannot be written .*--resume"):
            append_row(tmp_path / "rows.jsonl", {"row": "2" * 999})
    append_row(tmp_path / "rows.jsonl", {"row": 3})
    assert (tmp_path / "a.json").read_text() == "old"
    assert [json.loads(line)["row"] for line in (tmp_path / "rows.jsonl").open()] == [1, 3]
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "rows.jsonl"}


def test_what_is_found_of_images_needs_no_disk(place, tmp_path):
    images = {path.name: path for path in (place / "photos" / "train" / "images").iterdir()}
    with small_files(2000):
        found = fingerprints(images, tmp_path / "cache.sqlite")
    known = fingerprints(images)
    assert found.keys() == known.keys()
    assert all(found[name].pack() == known[name].pack() for name in known)
