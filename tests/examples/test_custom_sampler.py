"""The sampler of one's own keeps the rule that it is named after, and trains."""

from __future__ import annotations

import json

import pytest
import torch
from example_runs import EXAMPLES, any_image, two_steps

from vrft.rollout.driver import prompts_for
from vrft.rollout.logprobs import PolicyScorer
from vrft.rollout.sampler import load_sampler
from vrft.tasks.registry import load_task
from vrft.types import SampleSeed, SamplingParams, Turn
from vrft.types.plugins import module_at

FILE = EXAMPLES / "custom_sampler.py"
NAME = f"{FILE}:MinPSampler"
PARAMS = SamplingParams(temperature=1.5, max_new_tokens=12)


@pytest.fixture(scope="module")
def prompts(miniature, photos):
    task, image = load_task("detection"), any_image(photos)
    return prompts_for(miniature, [task.ask(word, (image,), word) for word in ("two", "heart")])


def test_every_token_is_nearly_as_likely_as_the_likeliest(miniature, prompts):
    drawn = load_sampler(NAME, miniature).generate(prompts, 3, PARAMS, SampleSeed.whole(2, 5))
    least = module_at(str(FILE)).MIN_P
    for prompt, group in zip(prompts, drawn, strict=True):
        turns = [Turn(prompt, said) for said in group]
        for said, known in zip(group, PolicyScorer(miniature, 1.5).logprobs(turns), strict=True):
            assert said.logprobs == pytest.approx(known, abs=1e-3)
            ids = torch.tensor([[*prompt.token_ids, *said.token_ids]])
            inputs = miniature.model_inputs(miniature.images_of([prompt]))
            inputs["mm_token_type_ids"] = (ids == miniature.image_token_id).long()
            with torch.no_grad():
                logits = miniature.core(ids, **inputs).logits[0, len(prompt.token_ids) - 1 : -1] / 1.5
            logits[:, list(miniature.placeholder_ids)] = -torch.inf
            chosen = logits.gather(-1, torch.tensor(said.token_ids)[:, None])[:, 0]
            assert ((chosen - logits.amax(-1)).exp() >= least * 0.999).all()


def test_seed_and_place_decide_what_is_drawn(miniature, prompts):
    sampler = load_sampler(NAME, miniature)
    both = sampler.generate(prompts, 2, PARAMS, SampleSeed(7, (0, 1), 2))
    alone = sampler.generate(prompts[1:], 2, PARAMS, SampleSeed(7, (1,), 2))
    assert [said.token_ids for said in alone[0]] == [said.token_ids for said in both[1]]
    other = sampler.generate(prompts[1:], 2, PARAMS, SampleSeed(8, (1,), 2))
    assert [said.token_ids for said in other[0]] != [said.token_ids for said in both[1]]


def test_a_run_names_it(photos, tmp_path):
    done, rows = two_steps(photos, tmp_path / "run", rollout={"sampler": NAME})
    assert len(rows) == 2 and max(row["sampling_mismatch"] for row in rows) < 1e-3
    lines = (done.folder.path / "rollouts.jsonl").read_text().splitlines()
    assert len(lines) == 4 and all(json.loads(line) for line in lines)
