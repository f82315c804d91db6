"""Every suite on a small imitation in the original form: found, checked, built, taken by its recipe."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from scipy.io import loadmat, savemat
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

import imitations

from vrft.benchmarks import __main__ as command
from vrft.benchmarks.box_suites import BASE_65, COCO_80, NOVEL_15
from vrft.benchmarks.build_suite import build, choose
from vrft.benchmarks.suite import check, class_names, load_suite, suites
from vrft.config.questions import questions_of
from vrft.config.recipes import recipe_names, recipe_path
from vrft.config.run_config import load_config
from vrft.data.dataset import load_dataset
from vrft.errors import InputError, LabelError
from vrft.tasks.registry import load_task
from vrft.types import Label

MAKERS = {
    "flowers102": imitations.flowers,
    "pets37": imitations.pets,
    "stanford_cars": imitations.cars,
    "fgvc_aircraft": imitations.aircraft,
    "coco_few_shot": imitations.coco,
    "coco_open_vocabulary": imitations.coco,
    "lvis_few_shot": imitations.lvis,
    "lvis_open_vocabulary": imitations.lvis,
    "mg": imitations.mg,
    "reasonseg": imitations.reasonseg,
}


@pytest.fixture
def made(tmp_path):
    """Write a suite's imitation; gives its folder and one for the result."""

    def make(name):
        root = tmp_path / "original"
        root.mkdir()
        MAKERS[name](root)
        return load_suite(name), root, tmp_path / "out"

    return make


def class_names_of(records):
    return [value.name for record in records for _, value in record.about("image", Label)]


def ids(examples):
    return sorted(example.id for example in examples)


def test_every_suite_has_an_imitation_and_every_table_a_suite():
    assert {suite.name for suite in suites()} == set(MAKERS)
    assert {suite.table for suite in suites()} == set("2345678")
    trained = {suite.recipe for suite in suites()} - {""}
    assert trained == {
        name for name in recipe_names() if name.startswith("table") and not name.endswith("7b")
    }


@pytest.mark.parametrize("suite", [s for s in suites() if s.recipe], ids=lambda suite: suite.name)
def test_a_suite_is_for_its_recipe(suite):
    for recipe in {suite.recipe, suite.recipe.replace("_2b", "_7b")} & set(recipe_names()):
        path = recipe_path(Path(recipe))
        config = load_config(path)
        assert (config.task.name, config.data.shots) == (suite.task, suite.shots)
        line = f"python -m vrft.benchmarks {suite.name} ROOT --shots {suite.shots} --out {config.data.path}\n"
        assert line in path.read_text("utf-8")
        assert f"data.manifest={config.data.path}/manifest.json" in path.read_text("utf-8")


def test_the_categories_are_the_papers():
    assert [len(class_names(n)) for n in ("flowers102", "pets37", "fgvc_aircraft", "stanford_cars")] == [
        102,
        37,
        100,
        196,
    ]
    assert (len(COCO_80), len(BASE_65), len(NOVEL_15)) == (80, 65, 15)
    assert set(BASE_65) | set(NOVEL_15) == set(COCO_80)
    assert set(load_suite("coco_few_shot").classes) <= set(COCO_80)
    assert len(set(load_suite("lvis_few_shot").classes)) == 6
    assert len(set(load_suite("lvis_open_vocabulary").classes)) == 13


CLASSES = {
    "flowers102": ("pink primrose", "hard-leaved pocket orchid"),
    "pets37": ("abyssinian", "american_bulldog"),
    "stanford_cars": ("2000 AM General Hummer SUV", "2012 Ram C/V Cargo Van Minivan"),
    "fgvc_aircraft": ("Cessna 172", "F/A-18"),
}


@pytest.mark.parametrize("name", CLASSES)
def test_classification(made, name):
    suite, root, out = made(name)
    built = build(suite, root, out, shots=2, seed=3)
    assert built.dataset.categories == tuple(sorted(CLASSES[name]))
    per_class = {part: class_names_of(built.records(part)) for part in ("train", "val", "test")}
    for part, each in {"train": 2, "val": 1, "test": 2}.items():
        assert sorted(per_class[part]) == sorted(CLASSES[name] * each), part
    assert [len(p) for p in (built.split.train, built.split.val, built.split.heldout)] == [4, 2, 4]
    assert set(built.dataset.parts.values()) == {"train", "val", "test"}
    assert built.split.duplicates == {}


@pytest.mark.parametrize("name", [name for name in MAKERS if load_suite(name).recipe])
def test_the_recipe_takes_what_was_written(made, name):
    suite, root, out = made(name)
    built = build(suite, root, out, shots=1)
    overrides = [f"data.path={out}", f"data.manifest={out / 'manifest.json'}"]
    questions = questions_of(load_config(recipe_path(Path(suite.recipe)), overrides))
    for part in ("train", "val", "heldout"):
        assert ids(getattr(questions.split, part)) == ids(getattr(built.split, part))
    assert questions.split.train


@pytest.mark.parametrize("name", MAKERS)
def test_the_test_part_is_a_data_set_of_its_own(made, name):
    suite, root, out = made(name)
    built = build(suite, root, out)
    assert {built.dataset.parts[record.id] for record in built.records("test")} == {"test"}
    alone = load_dataset(out / "test", load_task(suite.task).needs)
    assert sorted(f"test/{r.id}" for r in alone.records) == sorted(r.id for r in built.records("test"))


def test_original_images_are_what_is_asked_about(made):
    suite, root, out = made("stanford_cars")
    built = build(suite, root, out, shots=1)
    for record in built.records("test"):
        assert record.image.path.read_bytes() == (root / "cars_test" / record.image.path.name).read_bytes()
    # Training images have the same file names as test images.
    for record in built.records("train"):
        assert record.image.path.read_bytes() == (root / "cars_train" / record.image.path.name).read_bytes()


def test_images_are_copied_where_links_are_not_to_be_had(made, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    suite, root, out = made("pets37")
    monkeypatch.setattr(Path, "symlink_to", refuse)
    built = build(suite, root, out, shots=1)
    assert not any(record.image.path.is_symlink() for record in built.dataset.records)
    assert len(built.records("test")) == 4


def test_shots_are_nested_and_seeded():
    shows = {"cat": [f"{n}.jpg" for n in range(20)], "dog": ["a", "b"]}
    by_shots = {shots: choose(shows, shots, seed=1) for shots in (1, 2, 4, 8, 16)}
    for fewer, more in ((1, 2), (2, 4), (4, 8), (8, 16)):
        assert set(by_shots[fewer]["cat"]) < set(by_shots[more]["cat"])
    assert by_shots[16]["dog"] == by_shots[2]["dog"] and set(by_shots[2]["dog"]) == {"a", "b"}
    assert choose(shows, 8, seed=2)["cat"] != by_shots[8]["cat"]
    other_order = {name: images[::-1] for name, images in shows.items()}
    assert choose(other_order, 4, seed=1) == by_shots[4]


def test_coco_few_shot_asks_for_what_was_chosen(made):
    suite, root, out = made("coco_few_shot")
    built = build(suite, root, out, shots=2)
    assert built.dataset.categories == ("bus", "cat", "train")
    asked = [question.question for question in built.split.train]
    # One image shows a train; a crowd of cats is not a shot.
    assert sorted(asked) == ["bus", "bus", "cat", "cat", "train"]
    assert "train: 1 training images, not 2." in built.notes
    assert all(question.target.xyxy_px == ((2.5, 3.0, 12.5, 15.5),) for question in built.split.train)
    assert "train/000000000007.jpg" not in {r.id for r in built.records("train")}
    # All of val2017 is asked about every category, also the image that shows none of them.
    assert ids(built.split.heldout) == sorted(
        f"test/{number:012d}.jpg#{name}" for number in (11, 12, 13) for name in ("bus", "cat", "train")
    )


def test_what_coco_says_of_an_object_is_kept(made):
    suite, root, out = made("coco_few_shot")
    build(suite, root, out, shots=1)
    original = json.loads((root / "annotations" / "instances_val2017.json").read_text())
    written = json.loads((out / "test" / "annotations_test.json").read_text())
    kept = [row for row in original["annotations"] if row["category_id"] in {6, 7, 17}]
    assert written["annotations"] == kept
    assert [row["id"] for row in written["images"]] == [11, 12, 13]


def test_a_bound_asks_of_all_classes_alike_and_about_what_is_there(made):
    suite, root, out = made("coco_few_shot")
    asked = build(suite, root, out, shots=1, eval_max=2).split.heldout
    assert sorted(question.question for question in asked) == ["bus", "cat"]
    assert all(question.target.xyxy_px for question in asked)


def test_novel_categories_are_not_learned_from(made):
    suite, root, out = made("coco_open_vocabulary")
    built = build(suite, root, out, shots=92)
    # 'train' and 'cat' are novel.
    assert {question.question for question in built.split.train} == {"bus", "person"}
    learned = {name for record in built.records("train") for name in record.categories}
    assert learned == {"bus", "person"}
    assert {question.question for question in built.split.heldout} == {"bus", "person", "cat"}


def test_lvis_keeps_images_of_which_something_is_known(made):
    suite, root, _ = made("lvis_few_shot")
    originals = suite.open(root)
    assert originals.images["test"] == [
        "val2017/000000000021.jpg",
        "train2017/000000000022.jpg",
        "val2017/000000000024.jpg",
    ]
    assert originals.shows["train"]["die"] == [f"train2017/{n:012d}.jpg" for n in (1, 2, 3)]
    assert originals.classes == ["die", "omelet"]


def test_lvis_absences_are_written(made):
    suite, root, out = made("lvis_few_shot")
    suite.open(root).write("test", [f"val2017/{n:012d}.jpg" for n in (21, 24)], out)
    images = json.loads((out / "annotations_test.json").read_text())["images"]
    assert [(i["neg_category_ids"], i["not_exhaustive_category_ids"]) for i in images] == [
        ([733], []),
        ([], [365]),
    ]


def test_lvis_takes_all_shots_there_are_and_asks_about_no_unknown(made):
    suite, root, out = made("lvis_few_shot")
    built = build(suite, root, out)
    assert sorted(question.question for question in built.split.train) == ["die", "die", "die", "omelet"]
    # Whether an image with unlabelled dice is asked about is for the task to say.
    assert [name for name in ids(built.split.heldout) if "24.jpg" not in name] == [
        "test/000000000021.jpg#die",
        "test/000000000021.jpg#omelet",
        "test/000000000022.jpg#die",
    ]


def test_lvis_open_vocabulary_has_no_training(made):
    suite, root, out = made("lvis_open_vocabulary")
    built = build(suite, root, out)
    assert (built.split.train, built.split.val) == ((), ())
    assert "test/000000000021.jpg#die" in ids(built.split.heldout)
    assert not (out / "train").exists()


def test_mg_parts_may_share_file_names(made):
    suite, root, out = made("mg")
    assert check(suite, root) == []
    built = build(suite, root, out, shots=2)
    assert len(built.split.train) == 10
    assert len(built.split.heldout) == 25


def test_reasonseg_learns_every_instruction_and_tests_the_first(made):
    suite, root, out = made("reasonseg")
    built = build(suite, root, out)
    assert {question.question for question in built.split.train} == {"the cup", "what holds tea", "a hat"}
    assert [question.question for question in built.split.val] == ["x"]
    assert [question.question for question in built.split.heldout] == ["y"]


def test_reasonseg_originals(made):
    suite, root, out = made("reasonseg")
    originals = suite.open(root)
    assert originals.counts == {"train images": 2, "val images": 1, "test images": 1}
    originals.write("train", ["train/1.jpg"], out)
    assert (out / "1.json").read_bytes() == (root / "train" / "1.json").read_bytes()
    (root / "val" / "0.jpg").unlink()
    imitations.sheet(root / "test" / "0.json", {"shapes": [], "text": ["y"]})
    reported = " ".join(check(suite, root))
    assert "val: 1 images or jsons are alone, such as 0." in reported
    assert "test: 1 jsons have no 'text' or no 'shapes'" in reported


@pytest.mark.parametrize("name", MAKERS)
def test_an_imitation_differs_in_its_numbers_alone(made, name):
    suite, root, _ = made(name)
    reported = check(suite, root)
    whole = [
        sentence for sentence in reported if " expected." in sentence or "classes are missing" in sentence
    ]
    # .mat files are written anew, so their checksums differ, and so do imitations' categories.
    rest = [s for s in reported if s not in whole and "md5" not in s and "lacks the categories" not in s]
    assert rest == []
    expected = [f"{count} expected" for count in suite.counts.values()]
    assert all(any(number in sentence for sentence in reported) for number in expected)


def test_checksums_of_changed_files_are_reported(made):
    suite, root, _ = made("flowers102")
    assert any(
        "imagelabels.mat is damaged or changed: its md5" in sentence for sentence in check(suite, root)
    )
    (root / "102flowers.tgz").write_bytes(b"half of it")
    reported = [sentence for sentence in check(suite, root) if "102flowers.tgz" in sentence]
    # md5 of 'half of it'
    assert "52808999861908f626f3c1f4e79d11fa" in reported[0]


def test_a_right_checksum_is_not_reported(made, monkeypatch):
    suite, root, _ = made("mg")
    (root / "a.zip").write_bytes(b"abc")
    download = type(suite.downloads[0])("a.zip", "", "", "md5:900150983cd24fb0d6963f7d28e17f72")
    right = type(suite)(**{**vars(suite), "downloads": (download,)})
    assert check(right, root) == []


def test_missing_images_are_counted_and_stop_the_building(made):
    suite, root, out = made("pets37")
    for name in ("Abyssinian_5.jpg", "Abyssinian_6.jpg"):
        (root / "images" / name).unlink()
    reported = "2 of the test images are not there: Abyssinian_5.jpg, Abyssinian_6.jpg."
    assert reported in check(suite, root)
    with pytest.raises(LabelError, match=r"Abyssinian_5\.jpg"):
        build(suite, root, out)


def test_labels_that_contradict_the_split_are_reported(made):
    suite, root, _ = made("flowers102")
    numbers = loadmat(root / "imagelabels.mat")["labels"]
    numbers[0, 2] = 2
    savemat(root / "imagelabels.mat", {"labels": numbers})
    reported = [sentence for sentence in check(suite, root) if "differ" in sentence]
    assert reported == [
        "The split and imagelabels.mat differ in 1 image, such as image_00003.jpg: "
        "'pink primrose' and 'hard-leaved pocket orchid'."
    ]


@pytest.mark.parametrize(
    ("name", "part", "moved_to"), [("pets37", "test.txt", "train"), ("stanford_cars", "annos", "train")]
)
def test_a_test_image_in_training_is_reported(made, name, part, moved_to):
    suite, root, _ = made(name)
    file = next(root.glob("split_*.json"))
    split = json.loads(file.read_text())
    split[moved_to].append(split["test"].pop())
    file.write_text(json.dumps(split))
    reported = [sentence for sentence in check(suite, root) if "differ in 1 image" in sentence]
    assert len(reported) == 2
    assert any(part in sentence for sentence in reported)


def test_other_class_names_are_reported(made):
    suite, root, _ = made("fgvc_aircraft")
    data = root / "fgvc-aircraft-2013b" / "data"
    for file in data.glob("*.txt"):
        file.write_text(file.read_text().replace("F/A-18", "F-18"))
    assert "1 classes are not the paper's: F-18." in check(suite, root)


def test_a_variant_that_no_list_knows_is_refused_with_its_line(made):
    suite, root, _ = made("fgvc_aircraft")
    data = root / "fgvc-aircraft-2013b" / "data"
    (data / "variants.txt").write_text("Cessna 172\n")
    with pytest.raises(LabelError) as refused:
        check(suite, root)
    assert "images_variant_train.txt, line 2: The variant 'F/A-18'" in str(refused.value)


@pytest.mark.parametrize("name", MAKERS)
def test_an_empty_folder_is_refused_with_what_it_lacks(tmp_path, name):
    with pytest.raises(InputError) as refused:
        check(load_suite(name), tmp_path)
    assert "missing" in str(refused.value) and f"vrft.benchmarks {name}" in str(refused.value)


def test_a_broken_json_is_refused(made):
    suite, root, _ = made("coco_few_shot")
    file = root / "annotations" / "instances_val2017.json"
    file.write_text(file.read_text()[:-10])
    with pytest.raises(LabelError, match="not a COCO json"):
        check(suite, root)
    imitations.sheet(file, {"images": [{"id": 1}], "annotations": [{}], "categories": []})
    with pytest.raises(LabelError, match="image_id of annotations"):
        check(suite, root)


def test_nothing_is_overwritten(made):
    suite, root, out = made("mg")
    out.mkdir()
    (out / "mine.txt").write_text("dear to me")
    with pytest.raises(InputError, match="is not empty"):
        build(suite, root, out)
    with pytest.raises(InputError, match="shots"):
        build(suite, root, out, shots=0)


def test_copies_in_two_parts_are_reported(made):
    suite, root, out = made("mg")
    (root / "test" / "0.png").write_bytes((root / "train" / "0.png").read_bytes())
    built = build(suite, root, out, shots=2)
    assert built.split.duplicates == {"train/0.png": "the same image as test/0.png"}
    assert any("two parts" in note for note in built.notes)


def run(*arguments):
    return CliRunner().invoke(command.app, [str(argument) for argument in arguments])


def test_the_command_lists_tells_checks_and_writes(made):
    _, root, out = made("mg")
    assert "flowers102" in run().output
    assert "md5:52808999861908f626f3c1f4e79d11fa" in run("flowers102").output
    assert run("mg", root).output == "Monster Girls: as expected.\n"
    written = run("mg", root, "--out", out, "--shots", 1)
    assert written.exit_code == 0
    assert f"vrft train table5_mg_2b data.path={out} data.manifest={out / 'manifest.json'}" in written.output
    assert len(json.loads((out / "manifest.json").read_text())["train"]) == 5


def test_the_command_writes_nothing_where_something_differs_unless_asked(made):
    _, root, out = made("pets37")
    assert run("pets37", root).exit_code == 1
    refused = run("pets37", root, "--out", out)
    assert isinstance(refused.exception, InputError) and not out.exists()
    written = run("pets37", root, "--out", out, "--anyway")
    assert written.exit_code == 0
    scored = f"vrft eval RUN {out / 'test'} --task classification --eval-max 1000000"
    assert scored in written.output
    assert '--task-option subject="pet"' in written.output
    assert "--task-option open_naming=true" in written.output
    assert (out / "manifest.json").is_file()


def test_evaluation_alone_says_how(made):
    _, root, out = made("lvis_open_vocabulary")
    reported = run("lvis_open_vocabulary", root, "--out", out, "--anyway").output
    assert f"vrft eval RUN {out / 'test'} --task detection" in reported


def test_bad_input_ends_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["suites", "imagenet"])
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 2
    assert "There is no suite 'imagenet'" in capsys.readouterr().err
