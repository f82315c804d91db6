"""What another package brings by an entry point is found next to what vrft has itself."""

from __future__ import annotations

import subprocess
import sys
import textwrap

READER = """
from vrft.data.dataset import Dataset
from vrft.data.label_checks import record_of
from vrft.types import Annotation, Label


class NamesReader:
    name = "names"
    provides = {("image", "label"): "a file names.txt"}
    in_files = True

    def detects(self, path):
        return frozenset(self.provides) if (path / "names.txt").exists() else frozenset()

    def read(self, path, needs):
        rows = [line.split() for line in (path / "names.txt").read_text().splitlines()]
        records = tuple(
            record_of(path / image, path, Annotation("image", "", Label(name))) for image, name in rows
        )
        return Dataset(path, self.name, records)


READER = NamesReader()
"""


def test_a_reader_and_a_family_of_another_package_are_found(tmp_path):
    package = tmp_path / "site"
    info = package / "elsewhere-1.0.dist-info"
    info.mkdir(parents=True)
    (package / "elsewhere.py").write_text(
        READER
        + "\nfrom dataclasses import replace\nfrom vrft.models.families.qwen_vl import FAMILIES as QWEN\n"
        'FAMILIES = (replace(QWEN[0], model_type="other_vl"),)\n'
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[vrft.data.formats]\nnames = elsewhere:READER\n[vrft.models.families]\nother = elsewhere:FAMILIES\n"
    )
    code = f"""
        import sys
        sys.path.insert(0, {str(package)!r})
        import vrft
        from pathlib import Path
        from PIL import Image
        from vrft.models.families import FAMILIES
        data = Path({str(tmp_path)!r}) / "data"
        data.mkdir()
        Image.new("RGB", (8, 8)).save(data / "a.png")
        (data / "names.txt").write_text("a.png cat")
        found = vrft.load_dataset(data)
        print(found.format, found.categories, FAMILIES["other_vl"].model_type)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.stdout.split() == ["names", "('cat',)", "other_vl"], done.stderr
