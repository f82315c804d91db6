"""How tasks are found: by name, by entry point of another package, by file, folder or module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vrft.errors import InputError
from vrft.tasks import registry
from vrft.tasks.registry import default_task, load_task, register, task_names, task_of
from vrft.types import Example

SOURCE = """
from vrft.rewards.text_rewards import format_reward
from vrft.tasks.metrics.metric import Metric, mean_of
from vrft.tasks.task import Task
from vrft.types import Number

class Length(Task):
    name, help, answer = "NAME", "Says a length.", Number
    needs = frozenset({("question", "number")})
    is_default = True
    settings = {"recommended": {"format": format_reward}}
    metrics = (Metric("off", "off", mean_of(lambda p: 0.0), "m", False),)
    def examples(self, records): return []
    def question(self, example, frames): return "How long?"
    def gold(self, example, frames): return "1"
    def parse(self, text, example, frames): raise NotImplementedError

TASK = Length()
OTHER = 3
"""


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """What a test loads is not known to the next one."""
    monkeypatch.setattr(registry, "_known", {})


@pytest.fixture
def write(tmp_path):
    def write(place: str, name: str = "length") -> Path:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SOURCE.replace("NAME", name), "utf-8")
        return path

    return write


@pytest.fixture
def install(tmp_path, monkeypatch, write):
    """A distribution with a task, as pip would leave it."""

    def install(entry: str, name: str = "length", package: str = "lengths") -> None:
        site = tmp_path / f"site_{package}"
        write(f"{site.name}/{package}/__init__.py", name)
        info = site / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[vrft.tasks]\n{entry}\n", "utf-8")
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, package, raising=False)

    return install


def example(task: str) -> Example:
    return Example("a", "a", task, (), "")


def test_the_papers_tasks_are_there():
    assert {"classification", "detection", "grounding"} <= set(task_names())
    for name in ("classification", "detection", "grounding"):
        assert load_task(name).name == name and load_task(name) is task_of(example(name))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("detect", "Did you mean 'detection'"),
        ("Grounding", "Did you mean 'grounding'"),
        ("sing", "Choose one of: boxes_3d, classification, "),
        ("", "Choose one of: boxes_3d, classification, "),
        ("scorer", "file.py:TASK"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_and_the_choice(name, says):
    with pytest.raises(InputError, match=says):
        load_task(name)
    with pytest.raises(InputError, match="There is no task"):
        task_of(example(name))


def test_a_file_a_folder_and_a_module_hold_a_task(write, tmp_path, monkeypatch):
    file = write("here/file.py", "from_file")
    write("here/folder/__init__.py", "from_folder")
    write("here/some_module_of_mine.py", "from_module")
    monkeypatch.chdir(tmp_path / "here")
    specs = {
        f"{file}:TASK": "from_file",
        "file.py:TASK": "from_file",
        "file.py": "from_file",
        "./folder:TASK": "from_folder",
        "./folder": "from_folder",
        "folder:TASK": "from_folder",
        "some_module_of_mine:TASK": "from_module",
    }
    for spec, name in specs.items():
        assert load_task(spec).name == name
        assert load_task(name) is load_task(spec) is task_of(example(name))
        assert name in task_names()


def test_a_file_is_named_by_its_place_and_not_shadowed_by_a_module(write):
    one, other = write("a/json.py", "one"), write("b/json.py", "other")
    assert load_task(f"{one}:TASK").name == "one" and load_task(f"{other}:TASK").name == "other"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("no/such/file.py:TASK", r"no/such/file\.py"),
        ("no_such_module:TASK", "no_such_module"),
        ("{file}:MISSING", "MISSING"),
        ("{file}:OTHER", "of type int.*instance of a subclass of Task"),
        ("{file}:Length", "of type ABCMeta.*instance"),
    ],
)
def test_what_is_not_a_task_is_refused(spec, says, write):
    with pytest.raises(InputError, match=says):
        load_task(spec.format(file=write("length.py")))


def test_two_tasks_of_one_name_are_refused(write):
    first = load_task(f"{write('first.py')}:TASK")
    with pytest.raises(InputError, match=r"second\.py:TASK: another task has the name 'length'"):
        load_task(f"{write('second.py')}:TASK")
    with pytest.raises(InputError, match="has the name 'detection'"):
        load_task(f"{write('third.py', 'detection')}:TASK")
    assert register(first) is first and load_task("length") is first
    assert load_task("detection").answer.kind == "boxes"


def test_an_entry_point_brings_a_task(install):
    assert "length" not in task_names()
    install("length = lengths:TASK")
    assert "length" in task_names() and load_task("length").help == "Says a length."
    assert task_of(example("length")) is load_task("length")
    assert default_task({("question", "number")}) is load_task("length")


@pytest.mark.parametrize(
    ("entry", "name", "says"),
    [
        ("length = lengths:TASK", "width", "length = lengths:TASK: the task is called 'width'"),
        ("length = lengths:NOTHING", "length", "cannot be loaded.*NOTHING"),
        ("length = not_there_at_all:TASK", "length", "cannot be loaded.*not_there_at_all"),
        ("length = lengths:OTHER", "length", "of type int"),
        ("detection = lengths:TASK", "detection", "another task has the name 'detection'"),
    ],
)
def test_a_broken_entry_point_says_so(install, entry, name, says):
    install(entry, name)
    with pytest.raises(InputError, match=says):
        load_task(entry.partition(" ")[0])


def test_a_task_of_another_package_is_known_in_a_new_process(install, tmp_path):
    install("length = lengths:TASK")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site_lengths')!r})\n"
    code += "from vrft.tasks.registry import *; print(task_of(load_task('length').ask('a', (), 'b')).name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "length"


def test_labels_of_images_go_before_phrases_and_these_before_categories():
    boxes, phrase, image = ("category", "boxes"), ("phrase", "boxes"), ("image", "label")
    assert default_task({boxes, phrase, image}).name == "classification"
    assert default_task({boxes, phrase}).name == "grounding"
    assert default_task([boxes]).name == "detection"
    assert default_task([("category", "permutation")]) is None and default_task([]) is None
