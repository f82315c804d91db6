"""The rules of the house that a reader may rely on: layers, one noun in one place, words, no hidden input."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from functools import cache
from pathlib import Path

from vrft.tasks.registry import task_names

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((SOURCE / "vrft").rglob("*.py"))
}

MOST_LINES = 400
HEAVY = frozenset(
    {"torch", "torchvision", "transformers", "peft", "accelerate", "safetensors", "tokenizers", "trl"}
)
MAY_PRINT = ("vrft.cli",)

LAYERS = (
    ("errors",),
    ("types", "progress", "distributed", "run_folder"),
    ("geometry",),
    ("rewards",),
    ("tasks",),
    ("data", "integrations"),
    ("miniature",),
    ("models",),
    ("rollout",),
    ("evaluation",),
    ("inference", "training", "report"),
    ("config",),
    ("diagnostics", "benchmarks"),
    ("workflows",),
    ("cli",),
    ("__main__",),
)
"""Every entry of the package. An import points to a layer above its own in this list; two of one layer do not
know each other."""
LAYER = {f"vrft.{name}": place for place, names in enumerate(LAYERS) for name in names}
BESIDE_ANOTHER_TRAINER = ("types", "geometry", "rewards", "tasks")
"""All of vrft that the adapters to other trainers may load."""

LIGHT = (
    "vrft.benchmarks",
    "vrft.config",
    "vrft.data",
    "vrft.diagnostics.audit",
    "vrft.diagnostics.check",
    "vrft.errors",
    "vrft.evaluation",
    "vrft.geometry",
    "vrft.inference.formats",
    "vrft.integrations",
    "vrft.miniature.domains",
    "vrft.miniature.expressions",
    "vrft.miniature.folders",
    "vrft.miniature.glyphs",
    "vrft.miniature.location",
    "vrft.miniature.scenes",
    "vrft.progress",
    "vrft.report",
    "vrft.rewards",
    "vrft.run_folder",
    "vrft.tasks",
    "vrft.training.pseudo_labels",
    "vrft.types",
)
"""Modules and packages that must work where no torch is installed."""
NOT_LIGHT = (
    "vrft.integrations.openrlhf",
    "vrft.diagnostics.check.gpu_plan",
    "vrft.diagnostics.check.memory_fit",
    "vrft.diagnostics.check.model_case",
    "vrft.diagnostics.check.model_fit",
)

NAMES_A_TASK = ("tasks", "benchmarks", "miniature", "config.recipes")
"""Where a task may be named: its own folder, the papers' tables, the miniature's folders, recipes."""
FIELDS_NAMES = {
    "segmentation": (
        "data.formats.coco_json",
        "data.export.coco_writer",
        "inference.formats.coco_results",
        "workflows.evaluate_model",
        "report",
    )
}
"""A task's name that is a key of files as well: COCO's of outlines, and the results' of gIoU and cIoU."""

NOT_THE_FIELDS_WORDS = frozenset(
    {
        "Share",
        "agreed",
        "collected",
        "add_up",
        "launched",
        "ALONE",
        "Narrator",
        "Silence",
        "Voice",
        "say",
        "Wish",
        "Asking",
        "Asked",
        "Said",
        "Judged",
        "told",
        "Kept",
        "View",
        "Look",
        "Prints",
        "prints_of",
        "Bench",
        "_Story",
        "rehearse",
        "predict_cost",
        "Drawn",
        "Draws",
        "Draw",
        "Among",
        "Spent",
        "Warmth",
        "Hit",
        "Seen",
        "Thing",
        "Pairs",
        "MARK",
        "LISTED",
        "Written",
        "Place",
        "PlacedText",
        "finder",
        "Contest",
        "offending",
        "again",
        "_counted",
        "_summed",
        "lean",
        "lean_layers",
        "thousand",
        "input_pixels",
        "picture",
        "pictures",
        "picture_id",
        "data_set",
        "mend",
        "mended",
        "narrator",
    }
)
"""Names of 0.1 that only its writers understood; docs and code say it in the words of the field."""
NOT_FILE_NAMES = frozenset(
    {
        "voice",
        "wish",
        "asked",
        "asking",
        "kept",
        "origin",
        "places",
        "story",
        "draw",
        "drawing",
        "drawings",
        "drawn",
        "forms_path",
        "mg",
        "suites",
        "distil",
        "narrator",
        "narration",
        "picture",
        "pictures",
        "look",
        "looks",
    }
)
NOT_IN_PROSE = re.compile(
    r"\b(mend(?:s|ed|ing)?|told|wish(?:es|ed)?|narrat(?:or|e|es)|pictures?|data sets?|permuted rewards?)\b",
    re.IGNORECASE,
)
NAME_OLD_OR_MODELS_WORDS = (
    "tasks/parsing/abstentions.py",
    "config/old_keys.py",
    "types/rows.py",
    "docs/from_0.1.md",
)
"""Files that must know words of old files, or those that models write."""


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def layer(module: str) -> int | None:
    return LAYER.get(".".join(module.split(".")[:2]))


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text("utf-8"))


def for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


@cache
def imports(module: str) -> frozenset[str]:
    """Full names of all that a module imports, inside functions too, but not for type checkers alone."""
    found: set[str] = set()
    open_nodes: list[ast.AST] = [tree(module)]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            is_package = MODULES[module].name == "__init__.py"
            above = (
                module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
            )
            name = ".".join([*above, *([node.module] if node.module else [])])
            found.add(name)
            # 'from package import name' imports the module package.name where there is one.
            found |= {f"{name}.{alias.name}" for alias in node.names} & MODULES.keys()
        open_nodes += node.orelse if for_types_only(node) else ast.iter_child_nodes(node)
    return frozenset(found)


def reached(module: str) -> dict[str, str]:
    """Every module of ours that importing or using this one loads, each with the one that imports it."""
    why = {module: "itself"}
    waiting = [module]
    while waiting:
        current = waiting.pop()
        # Importing a.b.c runs a and a.b first.
        parents = {current.rsplit(".", n)[0] for n in range(1, current.count(".") + 1)}
        for other in (imports(current) | parents) & MODULES.keys() - why.keys():
            why[other] = current
            waiting.append(other)
    return why


def calls(module: str) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree(module)) if isinstance(node, ast.Call)}


def test_the_modules_are_found():
    assert {"vrft", "vrft.types", "vrft.tasks.detection", "vrft.miniature.folders"} <= MODULES.keys()
    assert {name for name in (*LAYER, *LIGHT, *NOT_LIGHT) if name not in MODULES} == set()
    assert {name for name in MODULES if name != "vrft" and layer(name) is None} == set()


def test_light_modules_reach_no_torch():
    found = {
        f"{module}: {other}, imported by {loads[other]}, imports {name}"
        for module in MODULES
        if within(module, LIGHT) and not within(module, NOT_LIGHT)
        for loads in [reached(module)]
        for other in loads
        for name in imports(other)
        if name.split(".")[0] in HEAVY
    }
    assert found == set()


def test_imports_point_one_way():
    found = {
        f"{module} imports {name}"
        for module in MODULES
        for name in imports(module)
        if (own := layer(module)) is not None
        and (other := layer(name)) is not None
        and module.split(".")[1] != name.split(".")[1]
        and other >= own
    }
    assert found == set()


def test_adapters_need_tasks_and_rewards_alone():
    allowed = ("vrft.errors", "vrft.integrations", *(f"vrft.{name}" for name in BESIDE_ANOTHER_TRAINER))
    found = {
        f"{module}: {name}"
        for module in MODULES
        if within(module, ("vrft.integrations",))
        for name in reached(module)
        if name != "vrft" and not within(name, allowed)
    }
    assert found == set()


def test_models_do_not_know_the_tasks():
    """Otherwise each new family or task would have to change the others."""
    found = {
        f"{module} imports {name}"
        for module in MODULES
        if within(module, ("vrft.models",))
        for name in imports(module)
        if within(name, ("vrft.tasks",))
    }
    assert found == set()


def strings(module: str) -> set[str]:
    """Every string of a module that is not documentation."""
    documentation = {id(node.value) for node in ast.walk(tree(module)) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    }


def test_a_task_is_named_by_itself_alone():
    own = {name for name in task_names() if f"vrft.tasks.{name}" in MODULES}
    assert {"detection", "grounding", "classification"} <= own
    free = tuple(f"vrft.{name}" for name in NAMES_A_TASK)
    packages = {f"vrft.tasks.{name}" for name in own}
    found = {
        f"{module}: {name}"
        for module in MODULES
        if not within(module, free)
        for name in (strings(module) & own) | {n for n in imports(module) if within(n, tuple(packages))}
        if not within(module, tuple(f"vrft.{place}" for place in FIELDS_NAMES.get(name, ())))
    }
    assert found == set()


def test_no_task_knows_another():
    own = tuple(f"vrft.tasks.{name}" for name in task_names())
    found = {
        f"{module} imports {name}"
        for module in MODULES
        for mine in own
        if within(module, (mine,))
        for name in imports(module)
        if within(name, own) and not within(name, (mine,))
    }
    assert found == set()


def value_types() -> frozenset[str]:
    """Every class that is a value by its bases, whoever defines it."""
    known = {"Value"}
    for _ in range(4):
        known |= {
            node.name
            for module in MODULES
            for node in tree(module).body
            if isinstance(node, ast.ClassDef)
            and known & {ast.unparse(b).split("[")[0].split(".")[-1] for b in node.bases}
        }
    return frozenset(known)


def test_only_tasks_ask_what_kind_of_value_there_is():
    values = value_types()
    assert {"Boxes", "Label", "TimeSpan", "ValueList"} <= values
    allowed = ("vrft.types", "vrft.tasks", "vrft.rewards", "vrft.miniature", "vrft.benchmarks")
    found = set()
    for module in MODULES:
        if within(module, allowed):
            continue
        for node in ast.walk(tree(module)):
            asked: ast.AST | None = None
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance" and len(node.args) == 2:
                asked = node.args[1]
            elif isinstance(node, ast.MatchClass):
                asked = node.cls
            if asked is not None and values & set(re.findall(r"\w+", ast.unparse(asked))):
                found.add(f"{module}, line {node.lineno}: {ast.unparse(asked)}")
    assert found == set()


def test_a_class_name_means_one_thing():
    names = Counter(
        node.name for module in MODULES for node in tree(module).body if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in names.items() if count > 1 and not name.startswith("_")} == set()


def test_files_can_be_told_apart_in_an_editors_tabs():
    names = Counter(path.name for path in MODULES.values() if path.name != "__init__.py")
    assert {name for name, count in names.items() if count > 2} == set()


@cache
def python_files() -> tuple[Path, ...]:
    folders = ("src", "dev", "examples", "benchmarks", "tests")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(path for path in files if path != Path(__file__) and "results" not in path.parts)


def identifiers(path: Path) -> set[str]:
    """Every name that a file defines or imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[-1])
    return found


def prose(path: Path) -> list[tuple[int, str]]:
    """Comments, documentation and other strings of a file."""
    text = path.read_text("utf-8")
    kinds = {tokenize.COMMENT, tokenize.STRING} | {getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [(token.start[0], token.string) for token in tokens if token.type in kinds]


def test_names_are_the_fields():
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in python_files()
        for name in identifiers(path) & NOT_THE_FIELDS_WORDS
    }
    assert found == set()
    assert {str(path.relative_to(ROOT)) for path in python_files() if path.stem in NOT_FILE_NAMES} == set()


def test_prose_is_plain_english():
    found = {
        f"{path.relative_to(ROOT)}, line {line}: {match.group()}"
        for path in python_files()
        if not within_tests(path) and not str(path).endswith(NAME_OLD_OR_MODELS_WORDS)
        for line, text in prose(path)
        for match in NOT_IN_PROSE.finditer(text)
    }
    documents = [*ROOT.glob("README.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    assert documents
    found |= {
        f"{path.relative_to(ROOT)}, line {number}: {match.group()}"
        for path in documents
        if not str(path).endswith(NAME_OLD_OR_MODELS_WORDS)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for match in NOT_IN_PROSE.finditer(line)
    }
    assert found == set()


def within_tests(path: Path) -> bool:
    """Names of tests are sentences of their writers; only names are held to the glossary there."""
    return path.relative_to(ROOT).parts[0] == "tests"


def test_files_are_short():
    lengths = {module: len(path.read_text("utf-8").splitlines()) for module, path in MODULES.items()}
    assert {module: n for module, n in lengths.items() if n > MOST_LINES} == {}


def test_nothing_prints_but_the_command_line():
    assert {m for m in MODULES if "print" in calls(m) and not within(m, MAY_PRINT)} == set()


def test_nothing_is_run_as_code():
    dangerous = {"eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"}
    assert {m: sorted(calls(m) & dangerous) for m in MODULES if calls(m) & dangerous} == {}


def test_no_environment_variable_is_read():
    names = {"environ", "environb", "getenv", "putenv"}
    read = {f"os.{name}" for name in names}
    found = {
        f"{module}, line {node.lineno}"
        for module in MODULES
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in read)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {a.name for a in node.names})
    }
    assert found == set()


def test_modules_and_their_public_names_are_documented():
    found = {module for module in MODULES if tree(module).body and not ast.get_docstring(tree(module))}
    found |= {
        f"{module}.{node.name}"
        for module in MODULES
        for node in tree(module).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    }
    assert found == set()


def test_nothing_is_put_in_the_place_of_an_imported_modules_names():
    found = set()
    for module in MODULES:
        nodes = list(ast.walk(tree(module)))
        names = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        modules = {(alias.asname or alias.name).split(".")[0] for alias in names}
        targets = [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
        for target in targets:
            if isinstance(target, ast.Attribute) and ast.unparse(target).split(".")[0] in modules:
                found.add(f"{module}, line {target.lineno}: {ast.unparse(target)}")
    assert found == set()
