"""A name composed (NFC) and the same name decomposed (NFD), as macOS writes it, are one name everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PILImage

from vrft.data.dataset import load_dataset
from vrft.data.image_paths import ImageFinder
from vrft.data.splits.few_shot import few_shot_split
from vrft.evaluation.external import read_external, score_external
from vrft.evaluation.scorecard import CardOptions, scorecard
from vrft.rewards.label_rewards import accuracy, accuracy_substring, accuracy_with, exact_match, graded
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import score
from vrft.types import Answer, Boxes, Example, Image, Label, Prediction
from vrft.types.names import folded, is_called, nfc, plain_name
from vrft.types.rows import prediction_from_row, prediction_to_row

FORMS = ("NFC", "NFD")
LETTERS = "abcXYZ éèüñçÅößøł 고양이강아지각 がぎぷカガ 猫犬 ώΣς αΐ й"
names = st.text(LETTERS, min_size=1, max_size=12).filter(lambda text: plain_name(text) != "")
two_forms = st.tuples(st.sampled_from(FORMS), st.sampled_from(FORMS))
MAC = ("café", "고양이", "ガラス", "Å ring", "naïve rosé")


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=20), st.text(max_size=20))
def test_two_texts_are_one_name_where_they_are_canonically_equal(one: str, other: str) -> None:
    for form in FORMS:
        assert nfc(normalize(form, one)) == normalize("NFC", one)
        assert plain_name(normalize(form, one)) == plain_name(one)
        assert folded(normalize(form, one.upper())) == folded(one.upper())
    if nfc(one) == nfc(other):
        assert plain_name(one) == plain_name(other)
    assert (plain_name(one) == "") == (not exact_match(one, one))


@settings(deadline=None, max_examples=30)
@given(names, names, two_forms)
def test_rewards_and_metrics_do_not_see_the_form(right: str, said: str, forms: tuple[str, str]) -> None:
    def judged(gold: str, answer: str) -> list[Any]:
        image = Image(Path("a.png"), (8, 8))
        label = Label(gold, (gold, "other"))
        example = Example("a", "a", "classification", (image,), "thing", label, (gold, "other"), gold)
        rollouts = [
            score(f"<think>So.</think><answer>{answer}</answer>", example, setting)
            for setting in ("paper", "released_fixed", "recommended")
        ]
        given_answer = rollouts[0].answer
        others = {"other": ["x"], gold: [answer]}
        card = scorecard([Prediction(example, given_answer)], CardOptions(resamples=2))
        card["classes"] = [(plain_name(name), value) for name, value in card["classes"].items()]
        return [
            exact_match(answer, gold),
            accuracy(given_answer, label),
            accuracy_with(others)(given_answer, label),
            accuracy_substring(given_answer, label),
            graded({gold: "root", "other": "root"})(given_answer, label),
            [rollout.terms for rollout in rollouts],
            {key: card[key] for key in ("value", "metrics", "classes", "faults")},
            is_called(answer, gold),
        ]

    composed = judged(normalize("NFC", right), normalize("NFC", said))
    assert judged(normalize(forms[0], right), normalize(forms[1], said)) == composed
    assert accuracy(Answer(Label(normalize("NFD", right))), Label(normalize("NFC", right))) == 1


@settings(deadline=None, max_examples=6)
@given(st.lists(st.tuples(names, st.sampled_from(FORMS), st.sampled_from(FORMS)), min_size=1, max_size=6))
def test_stored_answers_score_alike_in_any_form(tmp_path_factory: Any, said: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("said")

    def scored(form: Any) -> Any:
        rows = []
        for number, (name, *forms) in enumerate(said):
            first, second = ("NFC", "NFC") if form is None else forms
            asked, label = normalize(first, name), normalize(second, name)
            box = {"boxes": [[0, 0, 50, 50]]}
            text = f'<answer>[{{"bbox_2d": [0, 0, {40 + number}, 50], "label": "{label}"}}]</answer>'
            shown = {"image": f"{number}.png", "frame": "file_pixels", "image_wh": [100, 100]}
            rows += [
                {"task": "detection", "question": asked, "target": box, "text": text, **shown},
                {"task": "classification", "question": "thing", "target": {"name": asked}, "text": label},
            ]
        path = folder / "said.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows))
        external = read_external(path)
        found = score_external(external)
        cards = [scorecard(own, CardOptions(resamples=2)) for own in external.predictions.values()]
        assert not any("other_class" in card["faults"] for card in cards)
        return found["tasks"], cards

    assert scored("as drawn") == scored(None)


def test_kept_predictions_come_back_composed() -> None:
    example = Example("a", "a", "classification", (Image(Path("a.png"), (8, 8)),), "t", Label("x"))
    row = prediction_to_row(Prediction(example, Answer(Label("x"), True)))
    text = json.dumps(row).replace('"x"', json.dumps(normalize("NFD", "é")))
    found = prediction_from_row(json.loads(text))
    assert found.example.target == found.answer.value == Label("é")


def paint(file: Path, shade: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    PILImage.new("RGB", (40, 30), (shade * 7 % 256, shade * 31 % 256, shade * 83 % 256)).save(file)


@pytest.mark.parametrize("form", FORMS)
def test_class_folders_of_a_mac_are_learned_under_the_composed_name(tmp_path: Path, form: str) -> None:
    for number, name in enumerate(MAC * 3):
        paint(tmp_path / normalize(form, name) / f"{number}.png", number)
    records = load_dataset(tmp_path, load_task("classification").needs).records
    examples = load_task("classification").examples(records)
    assert {example.group for example in examples} == {normalize("NFC", name) for name in MAC}
    for example in examples:
        said = normalize("NFC", example.group)
        assert score(f"<answer>{said}</answer>", replace(example, form=example.form)).terms["accuracy"] == 1


def test_folders_of_one_name_in_two_forms_are_one_class(tmp_path: Path) -> None:
    """Beside each other, and in parts that two machines wrote."""
    together, parts = tmp_path / "together", tmp_path / "parts"
    for number, name in enumerate(("café", "tea", "고양이")):
        for turn, form in enumerate(FORMS):
            paint(together / normalize(form, name) / f"{number}{turn}.png", 2 * number + turn)
            paint(parts / ("train", "test")[turn] / normalize(form, name) / f"{number}{turn}.png", number)
    for root in (together, parts):
        dataset = load_dataset(root, load_task("classification").needs)
        assert dataset.categories == ("café", "tea", normalize("NFC", "고양이")), root
        assert len(dataset.records) == 6
        assert any("count as one" in warning for warning in dataset.warnings)


@pytest.mark.parametrize("in_names", FORMS)
@pytest.mark.parametrize("on_disk", FORMS)
def test_a_label_file_finds_images_and_joins_categories_in_any_form(
    tmp_path: Path, in_names: str, on_disk: str
) -> None:
    """Half of the annotations write the category in the one form, half in the other."""
    images, annotations = [], []
    for number, name in enumerate(MAC):
        paint(tmp_path / normalize(on_disk, "bilder für") / normalize(on_disk, f"{name}.png"), number)
        file = f"{normalize(in_names, 'bilder für')}/{normalize(in_names, name)}.png"
        images.append({"id": number, "file_name": file, "width": 40, "height": 30})
        box = {"bbox": [2, 2, 20, 20], "area": 400, "iscrowd": 0}
        annotations.append({"id": number, "image_id": number, "category_id": number % 2, **box})
    categories = [{"id": i, "name": normalize(form, "모자 é")} for i, form in enumerate(FORMS)]
    sheet = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "labels.json").write_text(json.dumps(sheet))
    dataset = load_dataset(tmp_path, load_task("detection").needs)
    assert dataset.categories == (normalize("NFC", "모자 é"),)
    examples = load_task("detection").examples(dataset.records)
    assert [example.target for example in examples] == [Boxes(((2.0, 2.0, 22.0, 22.0),))] * len(MAC)
    assert len(few_shot_split(examples, shots=2, seed=0).train) == 2


@settings(deadline=None, max_examples=30)
@given(name=names.map(lambda text: text.strip().replace(" ", "_")), forms=two_forms)
def test_a_file_is_found_under_either_form(tmp_path_factory: Any, name: str, forms: tuple[str, str]) -> None:
    root = tmp_path_factory.mktemp("set")
    file = root / "images" / f"{normalize(forms[0], name)}.png"
    file.parent.mkdir()
    file.touch()
    found = ImageFinder(root / "labels.json", root).find(f"{normalize(forms[1], name)}.png", "here")
    assert found.samefile(file)
    assert ImageFinder(root / "labels.json", root).find_stem(normalize(forms[1], name)) is not None


def test_what_makes_no_difference_and_what_does() -> None:
    assert plain_name("ＡＢＣ１２３．") == plain_name("abc123") and plain_name("ｶﾞﾗｽ") == plain_name("ガラス")
    assert plain_name("ﬁsh") == "fish" and plain_name("Straße") == plain_name("STRASSE")
    assert plain_name("猫。") == "猫" and plain_name("「猫」") == "猫"
    assert plain_name("m²") != plain_name("m2") and plain_name("①") != plain_name("1")
    assert plain_name("e") != plain_name("é")
