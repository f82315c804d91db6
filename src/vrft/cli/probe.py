"""``vrft probe``: what the base policy's samples show, and what to change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from vrft.cli.options import WithJson, WithQuiet, one_process
from vrft.cli.output import print_json, print_line, print_table, text_table
from vrft.types.answers import fault_words
from vrft.workflows.requests import ProbeRequest

if TYPE_CHECKING:
    from vrft.diagnostics.probe.run_probe import ProbeResult

_CLIP = 100
"""Characters of an example text that are printed; probe.json has the whole."""


class ProbeArgs(ProbeRequest, WithJson, WithQuiet):
    """Sample from the policy before training: will it learn, and what should be changed?

    Takes a folder of labelled images, asked about as 'vrft fit' would, or a configuration.
    """

    positional = ("path", "overrides")
    examples = (
        "vrft probe photos --task detection --model Qwen/Qwen2.5-VL-3B-Instruct",
        "vrft probe mine.yaml --samples 16",
    )
    groups: ClassVar = {
        "Of a folder": ("task", "model", "shots", "seed", "form"),
        "Samples": ("samples", "questions", "temperatures"),
    }
    out: Path | None = Field(None, description="Folder of probe.json; by default the run's own.")


def run(args: ProbeArgs) -> None:
    """Probe, then print what was found."""
    from vrft.progress import reporter_for_people
    from vrft.workflows.probe_data import probe_data

    one_process("probe")
    reporter = reporter_for_people(args.quiet or args.as_json)
    if args.model is None and args.path.is_dir():
        reporter.info("No --model given: this asks the embedded miniature, which knows no photographs.")
    found = probe_data(args, args.out, reporter)
    if args.as_json:
        print_json(found.row())
    else:
        _print(found)


def _print(found: ProbeResult) -> None:
    p = found.probe
    print_line(_overview(found))
    terms = [
        (name, f"{t.weight:g}", f"{t.mean:.3f}", f"{t.sd:.3f}", f"{t.group_sd:.3f}", str(t.failures or "-"))
        for name, t in p.terms.items()
    ]
    head = ("reward term", "weight", "mean", "sd", "sd in a group", "failed")
    print_table(text_table("Reward terms", head, terms))
    counts = sorted(p.pass_at)
    by_count = [
        ("pass@k", *(f"{p.pass_at[k]:.0%}" for k in counts)),
        ("groups of k with signal", *(f"{p.signal_at[k]:.0%}" if k in p.signal_at else "-" for k in counts)),
    ]
    print_table(text_table("Samples", ("", *map(str, counts)), by_count))
    if (thoughts := p.thoughts) is not None:
        asked = [
            ("carried by the thought", thoughts.tried, thoughts.carried),
            ("right without a thought", thoughts.tried, thoughts.unneeded),
            ("luck", thoughts.tried, thoughts.lucky),
            ("follow another question's thought", thoughts.swapped, thoughts.follows),
            ("show a computation", thoughts.tried, thoughts.shown),
        ]
        shares = [
            (name, str(count), "-" if share is None else f"{share:.0%}") for name, count, share in asked
        ]
        print_table(text_table("Right answers, asked again", ("", "of", "share"), shares))
    if found.by_temperature:
        rows = [
            (f"{t.temperature:g}", f"{t.reward:.3f}", *(f"{share:.0%}" for share in shares))
            for t in found.by_temperature
            for shares in [(t.hits, t.signal, t.formatted, t.truncated)]
        ]
        head = ("temperature", "reward", "hits", "signal", "in form", "truncated")
        print_table(text_table(f"Temperatures, on {found.by_temperature[0].groups} questions", head, rows))
    if p.faults:
        faults = [
            (fault_words(name), f"{fault.share:.0%}", "\n".join(map(_clipped, fault.texts)))
            for name, fault in p.faults.items()
        ]
        print_table(text_table("Faults", ("fault", "answers", "examples"), faults))
    for advice in found.advice:
        print_line(advice.sentence)
        if advice.setting is not None:
            print_line(f"    {advice.setting}")
    print_line(f"Probe: {found.path}")


def _overview(found: ProbeResult) -> str:
    p, n = found.probe, found.probe.lengths
    return (
        f"{p.groups} training questions, {p.samples} answers each at temperature "
        f"{found.config.rollout.temperature:g}: mean reward {p.reward:.2f}, {p.hits:.0%} hits "
        f"({found.success}), {p.parsed:.0%} can be read, "
        f"{p.formatted:.0%} are in form, {p.truncated:.0%} met the limit of {n.limit} tokens "
        f"(median {n.median:.0f}, nine in ten below {n.p90:.0f}).\n"
        f"{p.signal:.0%} of the groups of {p.group_size} have signal."
    )


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _CLIP else line[: _CLIP - 3] + "...")
