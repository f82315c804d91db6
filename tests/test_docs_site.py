"""The documentation site: it builds without a warning, no link is dead, what it generates is complete."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

import vrft
from docs_site.code_map import TARGET, code_map
from docs_site.config_reference import config_reference
from docs_site.verb_options import verb_options, verbs
from test_house import MODULES, imports, tree
from vrft.config.run_config import RunConfig, dump_config, make_config

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Built as ``make docs`` does."""
    folder = tmp_path_factory.mktemp("site")
    strict = ("--fresh-env", "--quiet", "--nitpicky", "--fail-on-warning", "--keep-going")
    paths = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *strict, str(DOCS), str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    return folder


class Links(HTMLParser):
    """What a page leads to, and the places in it that may be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.add(found.get("id") or "")
        self.links += [link for name in ("href", "src") if (link := found.get(name))]


def test_no_link_within_is_dead(site):
    pages = {page.resolve(): Links(page.read_text("utf-8")) for page in site.rglob("*.html")}
    assert len(pages) > 40
    dead = []
    for page, found in pages.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or page.name == "404.html":
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            there = target in pages and unquote(parts.fragment) in pages[target].ids
            if not (there or (target.is_file() and target not in pages)):
                dead.append(f"{page.relative_to(site.resolve())}: {link}")
    assert dead == []


def test_every_page_can_be_reached_and_found(site):
    built = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")}
    found = (site / "searchindex.js").read_text("utf-8")
    assert {name for name in built if f'"{name}"' not in found} == set()
    main = Links((site / "index.html").read_text("utf-8"))
    linked = {link.split("#")[0].removesuffix(".html") for link in main.links}
    assert {name for name in built if name not in linked and name != "index"} == set()


def test_every_verb_has_a_page_with_its_options(site):
    words = {verb.split()[0] for verb in verbs()}
    pages = {page.stem for page in (DOCS / "verbs").glob("*.md")}
    assert words - pages == set()
    for name, command in verbs().items():
        text = re.sub(r"<[^>]+>", "", (site / "verbs" / f"{name.split()[0]}.html").read_text("utf-8"))
        shown = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
        options = {flag for one in shown for flag in one.opts}
        assert {flag for flag in options if flag not in text} == set()


def test_every_public_name_is_in_the_reference(site):
    found = Links((site / "api.html").read_text("utf-8")).ids
    assert {
        name for name in vrft.__all__ if not name.startswith("_") and f"vrft.{name}" not in found
    } == set()


def test_a_verb_that_does_not_exist_is_seen():
    with pytest.raises(KeyError, match="imagine"):
        verb_options("imagine")


def test_the_reference_has_every_key_with_a_meaning():
    tree_of = make_config({"task": "detection", "data": {"path": "photos"}}).model_dump()
    keys = {
        f"{section}.{key}"
        for section, keys in tree_of.items()
        if isinstance(keys, dict)
        for key, value in keys.items()
        if not isinstance(value, dict) or section == "reward"
    } | {name for name, value in tree_of.items() if not isinstance(value, dict)}
    assert {"grpo.updates", "optim.steps", "reward.weights", "seed"} <= keys
    text = config_reference()
    described = dict(re.findall(r"^ *`([\w.]+)`\n *: (.*)$", text, flags=re.M))
    assert keys - described.keys() == {
        *("task", "tasks", "pseudo_labels", "model.lora"),
        *("grpo.consistency", "grpo.difficulty_weight"),
    }
    assert {name for name, meaning in described.items() if meaning.startswith("[")} == set()
    assert described["rollout.group_size"].endswith("[whole number, at least 2, default: `8`]{.note}")
    assert "`grpo.loss.tau_positive`" in text and "`pseudo_labels.min_agreement`" in text


# ---- the drawing of the code


def test_the_drawing_is_that_of_the_code():
    assert TARGET.read_text("utf-8") == code_map(), "run: python dev/docs_site/code_map.py"


def test_its_arrows_are_the_imports_that_do_not_follow_from_others():
    drawn = set(re.findall(r'data-from="(\w+)" data-to="(\w+)"', TARGET.read_text("utf-8")))
    real = {
        (module.split(".")[1], name.split(".")[1])
        for module in MODULES
        if module != "vrft"
        for name in imports(module)
        if name.startswith("vrft.") and name.split(".")[1] != module.split(".")[1]
    }
    assert drawn <= real
    assert closure(drawn) == closure(real)
    assert all(closure(drawn - {arrow}) != closure(real) for arrow in drawn)


def closure(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    found = set(arrows)
    while more := {(a, d) for a, b in found for c, d in arrows if b == c} - found:
        found |= more
    return found


# ---- troubleshooting


def messages() -> list[str]:
    text = (DOCS / "troubleshooting.md").read_text("utf-8")
    return [
        " ".join(quote.replace("\n> ", " ").split())
        for quote in re.findall(r"^> ((?:.+\n>? ?)+)", text, flags=re.M)
    ]


def fixed_parts(message: str) -> list[str]:
    """What stands between the places that differ, sentence by sentence."""
    parts = [part.strip(" :.;'()") for part in re.split(r"…|(?<=[.?]) ", message)]
    return [part for part in parts if len(part) > 2]


@cache
def said_together() -> list[str]:
    """The strings of each function."""
    found = []
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.FunctionDef):
                strings = [
                    n.value
                    for n in ast.walk(node)
                    if isinstance(n, ast.Constant) and isinstance(n.value, str)
                ]
                found.append("\0".join(strings))
    return found


def test_there_are_messages():
    assert len(messages()) >= 25
    assert len(set(messages())) == len(messages())
    assert fixed_parts("…: There are no labels that vrft can read. It reads: ….") == [
        "There are no labels that vrft can read",
        "It reads",
    ]


@pytest.mark.parametrize("message", messages())
def test_messages_are_those_of_the_code(message):
    parts = fixed_parts(message)
    assert max(map(len, parts)) > 12
    assert any(all(part in text for part in parts) for text in said_together()), parts


def test_a_message_that_nobody_says_is_seen():
    assert not any("There is no such imagined message" in text for text in said_together())


def test_the_configuration_of_the_page_of_train_is_one():
    (block,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "verbs" / "train.md").read_text("utf-8"), flags=re.S)
    config = make_config(yaml.safe_load(block))
    assert isinstance(config, RunConfig) and config.optim.steps == 100
    assert "rank: 16" in dump_config(config)
