"""Asking: the greedy answer comes first whatever else is asked for, views take turns, gates decide."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from vrft.data.dataset import load_dataset
from vrft.errors import InputError
from vrft.inference.ask_options import AskOptions
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import DECIMALS, PolicyPredictor, sampled_from
from vrft.miniature.folders import write_detection
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.rollout.driver import prompts_for
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.scripted import CharacterRenderer, ScriptedSampler
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.tasks.detection.detection import Detection
from vrft.tasks.detection.presence import Presence
from vrft.tasks.fusion import Candidate
from vrft.tasks.registry import load_task
from vrft.types import PLAIN, Boxes, Example, Form, Image, Message, Prompt, SampleSeed, SamplingParams, Turn

OPTIONS = AskOptions(SamplingParams(max_new_tokens=60), batch=8)
GREEDY = SamplingParams(0.0, max_new_tokens=60)


@pytest.fixture(scope="module")
def policy():
    return load_policy(ModelOptions(path="miniature", device="cpu"))


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detection")
    write_detection(folder, 0, heldout=8)
    task = load_task("detection")
    found = task.examples(load_dataset(folder, task.needs).records)[:20]
    return [replace(example, form=Form.DIRECT) for example in found]


def predict(policy, examples, **changes):
    return PolicyPredictor.of(policy, replace(OPTIONS, **changes)).predict(examples)


def ask(policy, examples, **changes):
    options = replace(OPTIONS, **changes)
    return evaluate(PolicyPredictor.of(policy, options), examples, batch=options.batch)


def test_one_answer_is_the_greedy_one(policy, examples):
    prompts = prompts_for(policy, examples[:8])
    greedy = SharedPromptSampler(policy).generate(prompts, 1, GREEDY, SampleSeed.whole(8))
    predictions = predict(policy, examples[:8])
    assert [p.text for p in predictions] == [one.text for (one,) in greedy]
    assert [p.plain.completion.token_ids for p in predictions] == [one.token_ids for (one,) in greedy]
    for prediction, (one,), prompt in zip(predictions, greedy, prompts, strict=True):
        assert prediction.plain.mean_logprob == pytest.approx(one.mean_logprob, abs=1e-5)
        assert all(p == round(p, DECIMALS) for p in prediction.plain.completion.logprobs)
        assert len(prediction.rollouts) == 1 and prediction.rule is None and prediction.gate is None
        assert prediction.plain.turns[0].prompt.length == len(prompt.token_ids)
        assert prediction.plain.turns[0].prompt.messages == prompt.messages
    task = load_task("detection")
    repeated = [task.parse(p.text, p.example, p.plain.turns[0].prompt.frames) for p in predictions]
    assert [replace(p.answer, n_tokens=None) for p in predictions] == repeated
    assert [p.answer.n_tokens for p in predictions] == [len(one.token_ids) for (one,) in greedy]


def test_more_answers_leave_the_first_as_it_is_and_every_rule_of_one_gives_it(policy, examples):
    task = load_task("detection")
    one = ask(policy, examples)
    many = ask(policy, examples, samples=5, flip=True, scales=(1.5,))
    assert [replace(p, rollouts=p.rollouts[:1]) for p in many] == one
    for name in task.rules:
        assert [task.fuse([Candidate.of(p.rollouts[0])], name) for p in many] == [p.answer for p in one]
    assert {len(p.rollouts) for p in many} == {5}
    views = (PLAIN, "flip", "scale 1.5", PLAIN, "flip")
    assert {tuple(r.view for r in p.rollouts) for p in many} == {views}


def test_fewer_rows_at_once_still_answer_every_question(policy, examples):
    predictions = predict(policy, examples[:8], samples=4, rows=7)
    assert [len(p.rollouts) for p in predictions] == [4] * 8
    assert len({r.completion.text for p in predictions for r in p.rollouts[1:]}) > 3


def test_chance_depends_on_the_seed_the_batch_and_the_question_alone(policy, examples):
    def texts(predictions):
        return [[r.completion.text for r in p.rollouts] for p in predictions]

    predictor = PolicyPredictor.of(policy, replace(OPTIONS, samples=4))
    first = texts(predictor.predict(examples[:8]))
    assert texts(predictor.predict(examples[:8])) == first
    assert texts(predictor.predict(examples[:8], batch=1)) != first
    assert texts(predict(policy, examples[:8], samples=4, seed=1)) != first


def test_boxes_of_a_mirrored_view_come_back(policy, examples):
    """What is read of the mirrored image is where the mirror has what the text says."""
    task = load_task("detection")
    predictions = ask(policy, examples, samples=2, flip=True)
    seen = [(p, p.rollouts[1]) for p in predictions if p.rollouts[1].answer.as_(Boxes) not in (None, Boxes())]
    assert seen
    for prediction, other in seen:
        assert other.example.image.mirrored and not prediction.example.image.mirrored
        plain = prediction.plain.turns[0].prompt.frames
        shown = task.parse(other.completion.text, prediction.example, plain).value.xyxy_px
        width = prediction.example.image.size_wh[0]
        mirrored = [(width - x2, y1, width - x1, y2) for x1, y1, x2, y2 in shown]
        assert [list(b) for b in other.answer.value.xyxy_px] == [pytest.approx(b) for b in mirrored]


@pytest.mark.parametrize("samples", range(1, 9))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_views_take_turns(samples, count):
    turns = [place % count for place in range(max(0, samples - count))]
    assert [sampled_from(samples, count, place) for place in range(count)] == [
        turns.count(place) for place in range(count)
    ]


def test_log_probabilities_of_a_tempered_draw_can_be_those_of_the_model(tiny_folders, images):
    policy = load_policy(ModelOptions(path=str(tiny_folders["qwen2_vl"]), device="cpu", dtype="float64"))
    shown = [Image(path, (w, h)) for path, (w, h) in zip(images[:2], [(64, 48), (40, 64)], strict=True)]
    prompts = [policy.first([Message("user", (image, "What is it?"))]) for image in shown]
    sampler, draw = SharedPromptSampler(policy), SampleSeed.whole(2, seed=3)
    params = SamplingParams(0.5, max_new_tokens=6, untempered=True)
    drawn = sampler.generate(prompts, 2, params, draw)
    tempered = sampler.generate(prompts, 2, replace(params, untempered=False), draw)
    rows = [one for group in drawn for one in group]
    assert [one.token_ids for one in rows] == [one.token_ids for group in tempered for one in group]
    scored, mask = AnswerScorer(policy)(prompts, [one.token_ids for one in rows], 2, 1.0, "plain")
    kept = torch.tensor([p for one in rows for p in one.logprobs])
    assert torch.allclose(scored[mask].float(), kept, atol=1e-5)
    assert not torch.allclose(kept, torch.tensor([p for g in tempered for one in g for p in one.logprobs]))


class _Says(Presence):
    """A gate that reads yes, no or nothing by the number of the text."""

    def __init__(self, *said: bool | None) -> None:
        self.left = list(said)

    def read(self, text, form):
        return self.left.pop(0)


def test_a_gate_that_says_no_ends_the_question(policy, examples, monkeypatch):
    plain = predict(policy, [examples[1], examples[2]])
    monkeypatch.setattr(Detection, "presence_question", _Says(False, True, None, False))
    predictions = predict(policy, examples[:4], gate=True)
    assert [p.gate.present for p in predictions] == [False, True, None, False]
    for closed in (predictions[0], predictions[3]):
        assert closed.answer.abstained and closed.answer.formatted and closed.answer.value == Boxes()
        assert closed.text == "" and closed.rollouts == ()
    assert [p.text for p in predictions[1:3]] == [p.text for p in plain]
    assert all(p.gate.prompt_tokens > 0 and p.gate.tokens > 0 for p in predictions)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<answer>Yes</answer>", True),
        ("<answer>no.</answer>", False),
        ("<answer>NO</answer>", False),
        ("<answer>No Objects</answer>", False),
        ("No, I see none", False),
        ("<answer>Yes or No</answer>", None),
        ("<answer>[{'Position': [1, 2, 3, 4], 'Confidence': 0.5}]</answer>", None),
        ("<answer>nobody knows</answer>", None),
        ("", None),
        ("<think> yes </think> <answer>no</answer>", False),
    ],
)
def test_what_a_gate_reads(text, says):
    assert Presence().read(text, Form.DIRECT) is says


def test_a_task_without_a_gate_says_so(policy, examples):
    other = replace(examples[0], task="classification")
    with pytest.raises(InputError, match="classification cannot ask first"):
        predict(policy, [other], gate=True)


@dataclass
class _Noting:
    """A scripted sampler that notes how it is asked."""

    inner: ScriptedSampler

    def __post_init__(self) -> None:
        self.calls = []

    def generate(self, prompts, n, params, draw, encoded=None):
        self.calls.append((len(prompts), n, params.temperature, params.untempered, draw))
        return self.inner.generate(prompts, n, params, draw)


def test_any_sampler_and_renderer_will_do_and_tasks_may_be_mixed(tmp_path):
    image = (Image(tmp_path / "a.png", (100, 50)),)
    cup = Example("a#cup", "a", "detection", image, "cup", form=Form.DIRECT)
    pet = Example("a", "a", "classification", image, "left", form=Form.DIRECT)
    text = "<answer>[{'Position': [100, 100, 600, 400], 'Confidence': 0.5}]</answer>"
    sampler = _Noting(ScriptedSampler(text, "<answer>cat</answer>"))
    options = AskOptions(SamplingParams(0.7, max_new_tokens=9), samples=3, seed=5, flip=True)
    boxed, named = PolicyPredictor(sampler, CharacterRenderer(), options).predict([cup, pet], batch=2)
    # The second question speaks of a side, so it is not mirrored: two of its answers are sampled.
    assert [r.view for r in boxed.rollouts] == [PLAIN, "flip", PLAIN]
    assert [r.view for r in named.rollouts] == [PLAIN, PLAIN, PLAIN]
    assert boxed.answer.value == Boxes(((10.0, 5.0, 60.0, 20.0),), (0.5,))
    assert boxed.rollouts[1].answer.value == Boxes(((40.0, 5.0, 90.0, 20.0),), (0.5,))
    assert named.answer.value.name == "cat"
    asked = [call[:4] for call in sampler.calls]
    assert asked == [(2, 1, 0.0, False), (2, 2, 0.7, True), (1, 1, 0.0, False)]
    assert [call[4].total for call in sampler.calls] == [2, 2, 1]


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"samples": 0}, "samples"),
        ({"params": SamplingParams(0.0)}, "temperature"),
        ({"params": SamplingParams(top_p=0)}, "top_p"),
        ({"params": SamplingParams(max_new_tokens=0)}, "max_new_tokens"),
        ({"batch": 0}, "batch"),
        ({"rows": 0}, "rows"),
    ],
)
def test_numbers_out_of_range_are_named(wrong, name):
    with pytest.raises(InputError, match=f"{name} = "):
        AskOptions(**wrong)


def test_prompts_and_turns_hold_no_token_ids_that_a_file_would_not_have(policy, examples):
    (prediction,) = predict(policy, examples[:1])
    (turn,) = prediction.plain.turns
    assert isinstance(turn, Turn) and turn.prompt == Prompt(
        turn.prompt.messages, (), turn.prompt.frames, turn.prompt.length
    )
