"""Where results go: a committed file changes only with ``--save``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import readme_tables
import result_file
from result_file import RESULTS, ROOT, result_parser, target_of, write_result

COMMITTED = RESULTS / "step_time.json"


def test_only_save_means_the_committed_file(tmp_path):
    def target(*given):
        return target_of(result_parser("", COMMITTED).parse_args(given), COMMITTED)

    assert target() is None
    assert target("--out", str(tmp_path)) == tmp_path / "step_time.json"
    assert target("--save") == COMMITTED
    with pytest.raises(SystemExit):
        target("--save", "--out", str(tmp_path))


def test_where_nothing_is_committed_nothing_can_be_saved():
    with pytest.raises(SystemExit):
        result_parser("", None).parse_args(["--save"])


def test_a_result_is_written_where_it_is_asked_for_alone(tmp_path, monkeypatch):
    parser = result_parser("", COMMITTED)
    monkeypatch.setattr(result_file, "write_json", lambda path, _: pytest.fail(f"wrote {path}"))
    write_result(parser.parse_args([]), COMMITTED, {"a": 1})
    monkeypatch.undo()
    write_result(parser.parse_args(["--out", str(tmp_path / "new")]), COMMITTED, {"a": 1})
    assert json.loads((tmp_path / "new" / COMMITTED.name).read_text()) == {"a": 1}


def test_pages_are_not_written_by_printing_their_tables(monkeypatch, capsys, tmp_path):
    before = {name: (ROOT / name).read_text() for name in readme_tables.PAGES}
    monkeypatch.setattr(sys, "argv", ["readme_tables.py"])
    monkeypatch.setattr(readme_tables, "filled", lambda text: f"{text} and more")
    readme_tables.main()
    assert "| seed |" in capsys.readouterr().out
    assert before == {name: (ROOT / name).read_text() for name in readme_tables.PAGES}
    monkeypatch.setattr(sys, "argv", ["readme_tables.py", "--out", str(tmp_path)])
    readme_tables.main()
    assert (tmp_path / "README.md").read_text() == before["README.md"] + " and more"


def test_every_script_with_a_result_has_these_options():
    own = {
        path.name
        for path in Path(result_file.__file__).parent.glob("*.py")
        if "ArgumentParser(" in path.read_text()
    }
    assert own == {"result_file.py", "mini_base.py"}  # mini_base.py has no result but a model
