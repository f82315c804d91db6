"""Tables of README and docs, from committed result files.

python benchmarks/readme_tables.py --check           # the pages are as the result files say
python benchmarks/readme_tables.py --save            # write them anew
python benchmarks/readme_tables.py --out FOLDER      # into another folder
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from dataclasses import asdict
from typing import Any

from mini.families import families_table
from mini.files import grouped, read_cells
from mini.statement import plain_statement
from result_file import RESULTS, ROOT, result_parser, target_of
from scaling_tables import memory_table, time_table

from vrft.evaluation.seeds import seed_interval
from vrft.run_folder import write_text

DIFFERENCES = ("rft_minus_base", "rft_minus_base_given_parsed", "rft_minus_sft", "control_minus_base")
SYSTEMS = {"base": "base", "sft": "SFT twin", "rft": "RFT"}


def hundred(value: float, sign: bool = False) -> str:
    """A fraction times 100, one decimal."""
    return f"{100 * value:{'+' if sign else ''}z.1f}"


def interval(row: dict[str, Any], sign: bool = False) -> str:
    """A value with its interval."""
    return f"{hundred(row['value'], sign)} ({hundred(row['low'], sign)} to {hundred(row['high'], sign)})"


STORIES = {
    "demo": ("detection", "boxes, AP x100"),
    "demo_reasoning": ("reasoning", "a sum, % right"),
}
"""The demo's result folders: the task of each, and what is measured."""


def demo_results(folder: str = "demo") -> dict[int, dict[str, Any]]:
    """Comparisons of a demo, by seed."""
    files = sorted((ROOT / "results" / folder).glob("seed_*.json"))
    task, _ = STORIES[folder]
    return {int(f.stem.split("_")[1]): json.loads(f.read_text())["tasks"][task] for f in files}


def mean_table() -> str:
    """Means over each demo's seeds with Student's interval over seeds."""
    every = {folder: list(demo_results(folder).values()) for folder in STORIES}
    heads = [f"{STORIES[folder][1]}, mean of {len(found)} seeds" for folder, found in every.items()]
    lines = [f"| policy | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for key, title in {**SYSTEMS, "rejection": "rejection sampling"}.items():
        cells = [_mean_of(found, key) for found in every.values()]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    for key, title in (("rft_minus_base", "RFT - base"), ("rft_minus_sft", "RFT - SFT")):
        cells = [over_seeds([one[key]["value"] for one in found]) for found in every.values()]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean_of(found: list[dict[str, Any]], key: str) -> str:
    if not all(key in one for one in found):
        return "not run"
    return interval(asdict(seed_interval([one[key]["value"] for one in found])))


def demo_table() -> str:
    """The default seed: score, interval and parse rate of each policy."""
    found = demo_results()[0]
    lines = ["| policy | AP x100 (95 % interval) | parse rate | AP given parsed |", "|---|---|---|---|"]
    for key, title in SYSTEMS.items():
        row = found[key]
        lines.append(
            f"| {title} | {interval(row)} | {row['parse_rate']:.0%} | {hundred(row['value_given_parsed'])} |"
        )
    lines.append(f"| RFT - base | {interval(found['rft_minus_base'], True)} | | "
                 f"{interval(found['rft_minus_base_given_parsed'], True)} |")  # fmt: skip
    lines.append(f"| RFT - SFT | {interval(found['rft_minus_sft'], True)} | | |")
    return "\n".join(lines)


def over_seeds(values: list[float]) -> str:
    """Mean over seeds with its 95 per cent t-interval: what another seed may give, not another image."""
    return interval(asdict(seed_interval(values)), True)


def seeds_table() -> str:
    """All seeds: scores and differences."""
    lines = [
        "| seed | base | SFT twin | RFT | RFT - base | RFT - base, given parsed | RFT - SFT "
        "| shuffled - base |",
        "|---|---|---|---|---|---|---|---|",
    ]
    every = demo_results().values()
    means = " | ".join(hundred(statistics.mean(found[key]["value"] for found in every)) for key in SYSTEMS)
    summary = (over_seeds([found[key]["value"] for found in every]) for key in DIFFERENCES)
    lines.append(f"| **mean** | {means} | " + " | ".join(summary) + " |")
    for seed, found in demo_results().items():
        scores = " | ".join(hundred(found[key]["value"]) for key in SYSTEMS)
        differences = (interval(found[k], True) for k in DIFFERENCES)
        lines.append(f"| {seed} | {scores} | " + " | ".join(differences) + " |")
    return "\n".join(lines)


def _result(name: str) -> dict[str, Any]:
    """A committed result of a script here."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return found


SHAPES = {
    "image_heavy": "400 image tokens, 2 prompts, 96 new tokens",
    "image_heavy_kl": "the same with the KL term",
    "text_heavy": "36 image tokens, 4 prompts, 64 new tokens",
    "text_heavy_kl": "the same with the KL term",
    "image_heavy_frozen_vision": "400 image tokens, frozen vision tower",
    "image_heavy_lora": "400 image tokens, LoRA, KL term",
}


def speed_table() -> str:
    """Our step next to TRL's."""
    found = _result("step_time")
    trl = found["versions"]["trl"]
    lines = [f"| shape | TRL {trl}, seconds a step | vrft | times as fast |", "|---|---|---|---|"]
    for name, row in found["shapes"].items():
        medians = row["median_seconds"]
        lines.append(
            f"| {SHAPES[name]} | {medians['trl']['step']:.2f} | {medians['vrft']['step']:.2f} | "
            f"{row['times_as_fast']['step']:.1f} |"
        )
    return "\n".join(lines)


def _compute() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "results" / "compute_curves.json").read_text())
    return found


def compute_values() -> str:
    """Every system and rule at every N: the mean over seeds, and tokens of a question."""
    tasks = _compute()["tasks"]
    sizes = [row["n"] for row in next(iter(tasks["detection"]["mean"]["curves"]["base"].values()))]
    lines = ["| task | policy | rule | " + " | ".join(f"N = {n}" for n in sizes) + " |"]
    lines.append("|---|---|---|" + "---|" * len(sizes))
    for task, found in tasks.items():
        for system, rules in found["mean"]["curves"].items():
            for rule, rows in rules.items():
                cells = [f"{hundred(row['value'])} ({row['tokens']:.0f})" for row in rows]
                lines.append(f"| {task} | {SYSTEMS[system]} | `{rule}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def compute_answers() -> str:
    """The two questions, rule by rule: differences of means over seeds with Student's interval."""
    last = "N = 16"
    lines = [
        "| task | rule | RFT at N = 1 minus base at N = 2 | ... at N = 4 | ... at N = 16 "
        f"| gain from {last}: base | SFT twin | RFT | RFT's gain minus the base's |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for task, found in _compute()["tasks"].items():
        mean = found["mean"]
        for rule, rows in mean["rft_at_1_minus_base_at_n"].items():
            ahead = [interval(row, True) for row in rows if row["n"] in (2, 4, 16)]
            gains = mean["gain_of_more"][rule]
            gained = [interval(gains[key], True) for key in (*SYSTEMS, "rft_minus_base")]
            lines.append(f"| {task} | `{rule}` | " + " | ".join([*ahead, *gained]) + " |")
    return "\n".join(lines)


def _at(task: str, system: str, rule: str, n: int) -> dict[str, Any]:
    rows = _compute()["tasks"][task]["mean"]["curves"][system][rule]
    return next(row for row in rows if row["n"] == n)


def _point(task: str, system: str, rule: str, n: int) -> str:
    row = _at(task, system, rule, n)
    return f"{hundred(row['value'])} for {row['tokens']:.0f} tokens"


def _gain(task: str, rule: str, key: str) -> str:
    return interval(_compute()["tasks"][task]["mean"]["gain_of_more"][rule][key], True)


def compute_sentence() -> str:
    """The study in a few sentences."""
    gains = _compute()["tasks"]["detection"]["mean"]["gain_of_more"]
    wbf, best = (
        {system: hundred(gains[rule][system]["value"], True) for system in SYSTEMS}
        for rule in ("wbf", "best_logprob")
    )
    return (
        "On the miniature RFT with one answer "
        f"(AP {_point('detection', 'rft', 'wbf', 1)} a question) is above its base\n"
        f"with sixteen fused ones ({_point('detection', 'base', 'wbf', 16)}). Sixteen fused answers add "
        f"{wbf['rft']} after RFT and {wbf['base']} before;\nthe likeliest of sixteen adds {best['rft']} "
        f"after and {best['base']} before. Means of three seeds\n"
        "([all rules, intervals, classification](docs/test_time_compute.md))."
    )


def compute_findings() -> str:
    """What the study says, with its figures."""
    tasks = _compute()["tasks"]
    base = {
        task: max(
            (row["value"], rule) for rule, rows in found["mean"]["curves"]["base"].items() for row in rows
        )
        for task, found in tasks.items()
    }
    leads = [
        row["low"]
        for found in tasks.values()
        for rows in found["mean"]["rft_at_1_minus_base_at_n"].values()
        for row in rows
    ]

    def value(task: str, system: str, rule: str, n: int) -> str:
        return hundred(_at(task, system, rule, n)["value"])

    def found(rule: str, key: str) -> str:
        return _gain("detection", rule, key)

    def named(rule: str, key: str) -> str:
        return _gain("classification", rule, key)

    (most, rule), (most_named, _) = base["detection"], base["classification"]
    return "\n".join(
        [
            "**RFT with one answer is above its base with up to sixteen.** In detection it reaches AP",
            f"{_point('detection', 'rft', 'wbf', 1)}; the base's best over all rules and N is "
            f"{hundred(most)} "
            f"(`{rule}`; sixteen answers cost",
            f"{_at('detection', 'base', 'wbf', 16)['tokens']:.0f} tokens). In classification it is "
            f"{value('classification', 'rft', 'vote', 1)} against {hundred(most_named)}. Over all rules "
            "and N of both tasks the",
            f"lower end of the difference's interval is {hundred(min(leads), True)} or more.",
            "",
            "**Whether the gain of further answers shrinks depends on the rule.** In detection weighted",
            f"boxes fusion of sixteen adds {found('wbf', 'rft')} after RFT and {found('wbf', 'base')}",
            f"before: {found('wbf', 'rft_minus_base')} more, so it does not shrink. It adds most to the SFT",
            f"twin, {found('wbf', 'sft')}. With one answer the means are "
            f"{value('detection', 'rft', 'wbf', 1)} for RFT and "
            f"{value('detection', 'sft', 'wbf', 1)} for the",
            f"twin, with sixteen fused ones {value('detection', 'rft', 'wbf', 16)} and "
            f"{value('detection', 'sft', 'wbf', 16)}. Choosing one of the answers is worth next",
            f"to nothing after RFT: the likeliest adds {found('best_logprob', 'rft')}, the most agreed with",
            f"{found('self_consistency', 'rft')}; before it they add {found('best_logprob', 'base')} and",
            f"{found('self_consistency', 'base')}.",
            "",
            "**In classification further answers at temperature 1 are worth nothing to any of the three.** A",
            f"vote of sixteen adds {named('vote', 'base')} to the base, {named('vote', 'sft')} to the",
            f"SFT twin and {named('vote', 'rft')} to RFT. The likeliest of sixteen is worse than",
            f"the greedy answer of the base ({named('best_logprob', 'base')}).",
        ]
    )


def eval_speed() -> str:
    """Seconds of `vrft eval` on 200 held-out images."""
    found = _result("eval_speed")
    lines = ["| task | images | questions | seconds |", "|---|---|---|---|"]
    for task, row in found["tasks"].items():
        lines.append(f"| {task} | {row['images']} | {row['questions']} | {row['seconds']:.1f} |")
    return "\n".join(lines)


def pseudo_labels_sentence() -> str:
    """What training on fused answers of unlabelled images was worth."""
    files, results = ("pseudo_labels", "pseudo_labels_sft"), []
    runs = {file: _result(file) for file in files}
    for file, found in runs.items():
        # 0.7 was the default of the run that wrote none down.
        settings, pseudo = found["settings"], found["pseudo"]
        gain = interval(found["with_pseudo_labels_minus"]["start"], True)
        results.append(
            f"{settings['method'].upper()} on the {pseudo['labels']} labels of `min_agreement` "
            f"{settings.get('min_agreement', 0.7)} (mean agreement with the true ones "
            f"{pseudo['agreement_with_true_labels']:.2f}): {gain} over its start "
            f"(`benchmarks/results/{file}.json`)"
        )
    settings = runs["pseudo_labels"]["settings"]
    return (
        f"Measured on the miniature, seed {settings['seed']}, {settings['images']} unlabelled images, "
        f"{settings['samples']} answers each, {settings['heldout']} held-out questions, AP times 100: "
        f"{'; '.join(results)}. A gain of exactly nothing means that no step was better on the validation "
        "part, and the start was kept."
    )


def settings_table() -> str:
    """The small benchmark at its reference numbers of shots, and what it says so far."""
    groups = grouped(read_cells(ROOT / "results" / "mini"))
    return "\n\n".join([families_table(groups), plain_statement(groups)]).strip()


def processes_sentence() -> str:
    """A step in one process and in two."""
    rft, sft = (_result("processes")["seconds_per_step"][method] for method in ("rft", "sft"))
    faster, twin = f"{rft['times_as_fast']:.1f}", f"{sft['times_as_fast']:.1f}"
    return (
        "On two CPU cores, a thread each, two processes take a step of the miniature's RFT in "
        f"{rft['two']:.2f} seconds\nand one in {rft['one']:.2f}: {faster} times as fast; of SFT in "
        f"{sft['two']:.2f} and {sft['one']:.2f}, {twin} times\n"
        "(`benchmarks/results/processes.json`). What every process does by itself weighs more in so short a "
        "step."
    )


PAGES = (
    "README.md",
    "README.ko.md",
    "README.zh.md",
    *(f"docs/{name}.md" for name in ("test_time_compute", "evaluation", "algorithms", "several_gpus")),
    "docs/large_models.md",
)
TABLES = {
    "mean-table": mean_table,
    "demo-table": demo_table,
    "seeds-table": seeds_table,
    "settings-table": settings_table,
    "speed-table": speed_table,
    "compute-sentence": compute_sentence,
    "compute-findings": compute_findings,
    "compute-values": compute_values,
    "compute-answers": compute_answers,
    "eval-speed": eval_speed,
    "pseudo-labels-sentence": pseudo_labels_sentence,
    "processes-sentence": processes_sentence,
    "scaling-memory": memory_table,
    "scaling-time": time_table,
}


def filled(text: str) -> str:
    """A page with every table made anew."""
    for name, make in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        text = re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{make()}\n{end}", text, flags=re.S)  # noqa: B023
    return text


def main() -> None:
    """Write the pages, print their tables, or check that they are as the results say."""
    parser = result_parser(__doc__, ROOT / "docs")
    parser.add_argument("--check", action="store_true", help="exit with status 1 where a page differs")
    options = parser.parse_args()
    for name in PAGES:
        now = (ROOT / name).read_text()
        wanted = filled(now)
        if options.check and now != wanted:
            sys.exit(f"{name} differs from the results; run benchmarks/readme_tables.py --save")
        target = target_of(options, ROOT / name)
        if target is not None:
            write_text(target, wanted)
    if not (options.check or options.save or options.out):
        print("\n\n".join(f"{name}\n\n{make()}" for name, make in TABLES.items()))


if __name__ == "__main__":
    main()
