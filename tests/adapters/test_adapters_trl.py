"""The adapter inside the real TRL, and OpenRLHF's tensors.

The policy is a random text model one of whose tokens is a whole answer, so that it gets rewards of all kinds
without having learned anything.
"""

from __future__ import annotations

import json

import pytest
import torch
from answers import BY_PAPER, FIND_CAT, NAME_PET, REWARDS
from datasets import Dataset
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

from vrft.errors import InputError
from vrft.integrations.openrlhf import reward_func, reward_tensor
from vrft.integrations.trl import trl_reward

PROMPTS = {FIND_CAT: "find", NAME_PET: "name"}
ANSWERS = sorted({text for _, text in BY_PAPER})
STEPS = 12


def tokenizer() -> PreTrainedTokenizerFast:
    words = {word: index for index, word in enumerate(["<pad>", "<eos>", "<unk>", *PROMPTS.values()])}
    whole = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    whole.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    whole.add_tokens([AddedToken(text, normalized=False) for text in ANSWERS])
    return PreTrainedTokenizerFast(
        tokenizer_object=whole,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
        chat_template="{% for message in messages %}{{ message.content }} {% endfor %}",
    )


def policy(size: int) -> LlamaForCausalLM:
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=size, pad_token_id=0, eos_token_id=1, **shape))


class Witness:
    """A second reward function, of weight 0, that keeps what TRL hands over."""

    __name__ = "witness"

    def __init__(self) -> None:
        self.batches: list[list[tuple[str, str]]] = []

    def __call__(self, completions, vrft_target, **columns):
        texts = [c if isinstance(c, str) else c[0]["content"] for c in completions]
        self.batches.append(list(zip(vrft_target, texts, strict=True)))
        return [0.0] * len(texts)


def train(folder, prompts, packed, steps=STEPS):
    words, witness = tokenizer(), Witness()
    given = {"per_device_train_batch_size": 16, "num_generations": 8, "max_completion_length": 1}
    quiet = {"report_to": "none", "disable_tqdm": True, "save_strategy": "no", "logging_steps": 1}
    config = GRPOConfig(
        output_dir=str(folder),
        max_steps=steps,
        learning_rate=0.03,
        lr_scheduler_type="constant",
        beta=0.0,
        bf16=False,
        use_cpu=True,
        reward_weights=[1.0, 0.0],
        seed=0,
        **given,
        **quiet,
    )
    trainer = GRPOTrainer(
        model=policy(len(words)),
        reward_funcs=[trl_reward("paper"), witness],
        args=config,
        train_dataset=Dataset.from_dict({"prompt": prompts, "vrft_target": packed}),
        processing_class=words,
    )
    trainer.train()
    return [row for row in trainer.state.log_history if "reward" in row], witness.batches


@pytest.mark.parametrize("conversational", [False, True])
def test_trl_trains_on_our_rewards(tmp_path, conversational):
    prompts = [[{"role": "user", "content": w}] if conversational else w for w in PROMPTS.values()]
    logged, batches = train(tmp_path, prompts, list(PROMPTS))
    assert len(logged) == len(batches) == STEPS
    reward = trl_reward("paper")
    known = 0
    for row, batch in zip(logged, batches, strict=True):
        own = reward([text for _, text in batch], vrft_target=[packed for packed, _ in batch])
        mean = pytest.approx(sum(own) / len(own), abs=1e-5)
        assert row["rewards/vrft/mean"] == mean and row["reward"] == mean
        assert 0 <= row["vrft/format"] <= 1 and row["vrft/failed_terms"] == 0
        for one, value in zip(batch, own, strict=True):
            # An answer of the other task, or none at all, has no line in the table.
            if one in BY_PAPER:
                assert value == pytest.approx(BY_PAPER[one])
                known += 1
    assert known > 20
    first, last = (sum(row["reward"] for row in rows) / 4 for rows in (logged[:4], logged[-4:]))
    assert last > first + 0.5


def test_trl_stops_at_a_broken_row(tmp_path):
    tree = {**json.loads(NAME_PET), "form": "chat"}
    with pytest.raises(InputError, match=r"Column 'vrft_target', row \d+ of the batch: form"):
        train(tmp_path, ["find", "name"], [FIND_CAT, json.dumps(tree)], steps=1)


def test_openrlhf_gets_tensors():
    packed, texts = zip(*BY_PAPER, strict=True)
    prompts = ["<|im_start|>Which?<|im_end|>assistant\n"] * len(BY_PAPER)
    queries = [f"{p}{text}<|im_end|>" for p, text in zip(prompts, texts, strict=True)]
    found = reward_func(queries, prompts, list(packed), setting="paper")
    assert found["rewards"].dtype == torch.float32
    assert found["rewards"].tolist() == found["scores"].tolist() == pytest.approx(REWARDS)
    assert reward_tensor(queries, prompts, packed, setting="paper").tolist() == pytest.approx(REWARDS)
    # One at a time, as its executor calls; each figure is read with item().
    keys = set()
    for query, prompt, label, reward in zip(queries, prompts, packed, REWARDS, strict=True):
        one = reward_func([query], [prompt], [label], setting="paper")
        assert one["rewards"].item() == pytest.approx(reward)
        keys.add(tuple(one["extra_logs"]))
        assert all(torch.tensor([value.item()]).isfinite() for value in one["extra_logs"].values())
    assert len(keys) == 1


def test_openrlhf_names_a_broken_row():
    prompt = "Which pet is this?"
    with pytest.raises(InputError, match="Row 1 of the batch, label"):
        reward_func([prompt, prompt], [prompt, prompt], [FIND_CAT, "{}"])
    with pytest.raises(InputError, match=r"Row 1 of the batch: .*end of its prompt"):
        reward_func([prompt, "cat"], [prompt, prompt], [FIND_CAT, FIND_CAT])
