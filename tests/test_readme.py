"""The README is true: its tables equal committed results, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README.ko.md", "README.zh.md")


def test_tables_are_those_of_the_result_files():
    command = [sys.executable, ROOT / "benchmarks" / "readme_tables.py", "--check"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", READMES)
def test_links_lead_to_files(name):
    text = (ROOT / name).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", READMES)
def test_verbs_and_make_targets_exist(name):
    from typer.main import get_command

    from vrft.cli import app

    text = (ROOT / name).read_text()
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.S))
    verbs = set(re.findall(r"^vrft ([a-z]+) ", blocks, flags=re.M)) | set(re.findall(r"`vrft ([a-z]+)", text))
    assert verbs and verbs <= set(get_command(app).commands)
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z-]+)", text, flags=re.M):
        assert f"\n{target}:" in makefile


def commands_of(name):
    """The commands of the first two blocks, without their remarks."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text("utf-8"), flags=re.S)
    return [line.partition("#")[0].strip() for block in blocks[:2] for line in block.splitlines()]


def verbs_of(name):
    rows = re.findall(r"^\| (`vrft .*?) \|", (ROOT / name).read_text("utf-8"), flags=re.M)
    return {" ".join(re.findall(r"[a-z]+", verb)[:2 if "config" in verb else 1])
            for row in rows for verb in re.findall(r"`vrft ([^`]*)`", row)}  # fmt: skip


@pytest.mark.parametrize("name", READMES[1:])
def test_translations_have_the_commands_the_verbs_and_the_images_of_the_english_page(name):
    assert commands_of(name) == commands_of("README.md")
    assert verbs_of(name) == verbs_of("README.md")
    images = r"!\[[^\]]*\]\(([^)]*)\)"
    first = [re.search(images, (ROOT / page).read_text("utf-8"))[1] for page in ("README.md", name)]
    assert first[0] == first[1]


def test_the_library_example_runs_and_needs_public_names_alone(tmp_path, monkeypatch, capsys):
    import vrft
    from vrft.miniature.folders import write_detection

    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.S)
    assert {m for m in re.findall(r"^(?:import|from) (\S+)", code, flags=re.M)} == {"vrft"}
    assert set(re.findall(r"vrft\.(\w+)", code)) <= set(vrft.__all__)
    write_detection(tmp_path / "photos", 0, train=8, val=4, heldout=4)
    (tmp_path / "new-images").mkdir()
    image = next((tmp_path / "photos" / "test" / "images").glob("*.png"))
    (tmp_path / "new-images" / "a.png").write_bytes(image.read_bytes())
    quick = "steps=2, form=vrft.Form.DIRECT, eval_max=8, overrides=QUICK, quiet=True"
    code = code.replace("shots=4)", f"shots=2, {quick})")
    monkeypatch.chdir(tmp_path)
    exec(code, {"QUICK": ["optim.prompts_per_step=2", "rollout.group_size=2"]})
    said = capsys.readouterr().out
    assert "RFT" in said and "Interval(" in said and "a.png" in said
    assert (tmp_path / "label.png").exists() and list((tmp_path / "runs").iterdir())
