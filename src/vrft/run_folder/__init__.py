"""A run's folder and its files, which are written whole or not at all."""

from vrft.run_folder.files import (
    append_row,
    make_folder,
    read_json,
    read_rows,
    replace_folder,
    write_json,
    write_text,
)
from vrft.run_folder.run_folder import (
    CHECK,
    FAILURES,
    MANIFEST,
    METRICS,
    PSEUDO,
    ROLLOUTS,
    RunFolder,
    chosen_folder,
    fresh_folder,
    newest_folder,
    place_of_data,
    removed_if_refused,
)
from vrft.run_folder.settings import changes, hardware, refuse_others, versions
from vrft.run_folder.writing import GO_ON, KEPT_IN, TRACEBACK, keep_traceback, why_not_written, writing

__all__ = [
    "CHECK",
    "FAILURES",
    "GO_ON",
    "KEPT_IN",
    "MANIFEST",
    "METRICS",
    "PSEUDO",
    "ROLLOUTS",
    "TRACEBACK",
    "RunFolder",
    "append_row",
    "changes",
    "chosen_folder",
    "fresh_folder",
    "hardware",
    "keep_traceback",
    "make_folder",
    "newest_folder",
    "place_of_data",
    "read_json",
    "read_rows",
    "refuse_others",
    "removed_if_refused",
    "replace_folder",
    "versions",
    "why_not_written",
    "write_json",
    "write_text",
    "writing",
]
