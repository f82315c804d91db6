"""Visual-RFT (arXiv 2503.01785) in one file, to be read from top to bottom.

    python examples/grpo_in_250_lines.py

trains vrft's miniature on four labelled images per class, in about a minute on two CPU cores. An image and a
question become a prompt; the model answers it several times; a rule compares each answer with the label (the
reward); answers that are better than the others of their group become likelier (GRPO, arXiv 2402.03300).
There is no value network and no reward model.

Reading folders, the words of the question and the reward come from vrft. All else is here, in plain torch and
transformers, as short as it can be. `vrft train examples/grpo_in_250_lines.yaml` gives the same numbers, step
by step, and faster: it encodes a prompt once for all of its answers.

Axes of tensors: G answers to one question, T tokens of its prompt, A tokens of an answer (the longest of the
group; shorter ones are padded on the right), X = T + A, V tokens of the vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

import vrft
from vrft.data.images import open_image
from vrft.miniature.folders import write_detection
from vrft.miniature.location import miniature_folder
from vrft.training.batch import examples_of_step
from vrft.types import Clock, CoordinateFrame


@dataclass(frozen=True)
class Settings:
    """The paper's method, at a size for two CPU cores."""

    steps: int = 20
    questions_per_step: int = 4
    group_size: int = 8  # G
    max_new_tokens: int = 96
    beta: float = 0.04  # weight of the KL term
    clip: float = 0.2
    updates: int = 1  # optimizer steps on the same answers; with 1 nothing is ever clipped
    learning_rate: float = 1e-4
    warmup_steps: int = 2
    max_grad_norm: float = 1.0
    shots: int = 4  # images per class
    seed: int = 0
    dtype: str = "float32"


# ---- the model: here a Qwen3-VL of 3.5 million weights; a larger one is another folder and a GPU


@dataclass(frozen=True)
class Policy:
    """The model that answers and learns, and what writes its input."""

    model: Any
    tokenizer: Any
    image_processor: Any


def load_policy(settings: Settings) -> Policy:
    """Everything learns but the vision tower."""
    folder = miniature_folder()
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=getattr(torch, settings.dtype)).eval()
    model.model.visual.requires_grad_(False)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return Policy(model, tokenizer, AutoImageProcessor.from_pretrained(folder, backend="pil"))


# ---- question -> prompt


def load_questions(folder: Path, settings: Settings) -> Sequence[vrft.Example]:
    """A few labelled images per class, each with a question about it."""
    task = vrft.load_task("detection")
    dataset = vrft.load_dataset(folder, task.needs)
    examples = [replace(example, form=vrft.Form.DIRECT) for example in task.examples(dataset.records)]
    split = vrft.few_shot_split(examples, shots=settings.shots, seed=settings.seed, parts=dataset.parts)
    return split.train


@dataclass(frozen=True)
class Prompt:
    """What the model is shown."""

    ids_1T: torch.Tensor
    pixel_values: torch.Tensor
    image_grid_thw: torch.Tensor
    frame: CoordinateFrame  # how the model writes places: 0 to 1000 from edge to edge


def make_prompt(example: vrft.Example, policy: Policy) -> Prompt:
    """The image as patches, and the question in the model's own chat template."""
    processor, tokenizer = policy.image_processor, policy.tokenizer
    image = processor(images=[open_image(example.image)], return_tensors="pt")
    _, rows, columns = image["image_grid_thw"][0].tolist()
    frame = example.image.frame("norm1000", (columns * processor.patch_size, rows * processor.patch_size))
    question = vrft.load_task("detection").question(example, [frame])
    content = [{"type": "image"}, {"type": "text", "text": question}]
    messages = [{"role": "user", "content": content}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    # The template marks the image's place once; the model wants one mark for each of the image's tokens.
    mark = tokenizer.convert_ids_to_tokens(policy.model.config.image_token_id)
    text = text.replace(mark, mark * (rows * columns // processor.merge_size**2))
    pixels = image["pixel_values"].to(policy.model.dtype)
    return Prompt(torch.tensor([tokenizer(text)["input_ids"]]), pixels, image["image_grid_thw"], frame)


def model_inputs(model: Any, prompt: Prompt, ids_GX: torch.Tensor) -> dict[str, torch.Tensor]:
    """What the model takes for G rows that all begin with one prompt."""
    return {
        "input_ids": ids_GX,
        "mm_token_type_ids": (ids_GX == model.config.image_token_id).int(),
        "pixel_values": prompt.pixel_values.repeat(len(ids_GX), 1),
        "image_grid_thw": prompt.image_grid_thw.repeat(len(ids_GX), 1),
    }


# ---- prompt -> samples


@torch.no_grad()
def sample(policy: Policy, prompt: Prompt, uniform_AG: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """G answers, and a mask that is True up to each one's end token.

    The uniform numbers are all the chance there is: a token is the one at which the cumulative probability of
    the vocabulary passes its number.
    """
    model, group_size = policy.model, uniform_AG.shape[1]
    names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    never = torch.tensor([getattr(model.config, name) for name in names])  # an answer shows no image
    given = model_inputs(model, prompt, prompt.ids_1T.repeat(group_size, 1))
    going_G, tokens, mask, cache = torch.ones(group_size, dtype=torch.bool), [], [], None
    for uniform_G in uniform_AG:
        out = model(**given, past_key_values=cache, use_cache=True)
        probability_GV = out.logits[:, -1].float().softmax(-1).index_fill(-1, never, 0.0)
        cumulative_GV = probability_GV.cumsum(-1)
        passed_G1 = uniform_G[:, None] * cumulative_GV[:, -1:]
        token_G = torch.searchsorted(cumulative_GV, passed_G1, right=True)[:, 0]
        tokens.append(token_G)
        mask.append(going_G)
        going_G = going_G & (token_G != policy.tokenizer.eos_token_id)
        if not going_G.any():
            break
        given, cache = {"input_ids": token_G[:, None]}, out.past_key_values
    return torch.stack(tokens, 1), torch.stack(mask, 1)


# ---- samples -> rewards -> advantages, and the log-probabilities of the answers


@dataclass(frozen=True)
class Group:
    """The answers to one question, and all that the loss needs of them."""

    prompt: Prompt
    tokens_GA: torch.Tensor
    mask_GA: torch.Tensor
    rewards_G: np.ndarray
    advantages_G1: torch.Tensor
    old_GA: torch.Tensor  # log-probabilities under the policy that sampled
    reference_GA: torch.Tensor  # and under the model as it was before training


def make_group(
    example: vrft.Example, policy: Policy, reference: Any, scorer: vrft.Scorer, uniform_AG: torch.Tensor
) -> Group:
    """Ask, answer, reward, compare."""
    prompt = make_prompt(example, policy)
    tokens_GA, mask_GA = sample(policy, prompt, uniform_AG)
    answers = [row[kept] for row, kept in zip(tokens_GA, mask_GA, strict=True)]
    texts = [policy.tokenizer.decode(answer, skip_special_tokens=True) for answer in answers]
    # Each text is parsed and compared with the label: how well the boxes fit, honest confidences, the form.
    rewards_G = np.array([scorer.score_text(text, example, [prompt.frame]).reward for text in texts])
    # Eq. 4: how much better an answer is than the others to its question, in standard deviations.
    advantages_G = (rewards_G - rewards_G.mean()) / (rewards_G.std(ddof=1) + 1e-4)
    with torch.no_grad():
        old_GA = logprobs(policy.model, prompt, tokens_GA)
        reference_GA = logprobs(reference, prompt, tokens_GA)
    advantages_G1 = torch.tensor(advantages_G, dtype=old_GA.dtype)[:, None]
    return Group(prompt, tokens_GA, mask_GA, rewards_G, advantages_G1, old_GA, reference_GA)


def logprobs(model: Any, prompt: Prompt, tokens_GA: torch.Tensor) -> torch.Tensor:
    """Log-probability of each token of each answer, in one pass over prompts and answers."""
    ids_GX = torch.cat([prompt.ids_1T.repeat(len(tokens_GA), 1), tokens_GA], 1)
    logits_GXV = model(**model_inputs(model, prompt, ids_GX)).logits
    # Each token is predicted at the place before it.
    logits_GAV = logits_GXV[:, prompt.ids_1T.shape[1] - 1 : -1]
    logprobs_GA: torch.Tensor = logits_GAV.log_softmax(-1).gather(-1, tokens_GA[..., None])[..., 0]
    return logprobs_GA


# ---- log-probabilities and advantages -> loss


def grpo_loss(now_GA: torch.Tensor, group: Group, settings: Settings) -> tuple[torch.Tensor, torch.Tensor]:
    """GRPO's Eq. 3 for one group: the clipped surrogate plus the KL term, mean over tokens, then answers.

    With one update the ratio is 1, and its gradient is that of the log-probability.
    """
    ratio_GA = (now_GA - group.old_GA).exp()
    clipped_GA = ratio_GA.clamp(1 - settings.clip, 1 + settings.clip)
    surrogate_GA = -torch.minimum(ratio_GA * group.advantages_G1, clipped_GA * group.advantages_G1)
    # k3, an estimate of KL(policy || reference): never negative, and 0 where both agree.
    log_ratio_GA = group.reference_GA - now_GA
    kl_GA = log_ratio_GA.exp() - log_ratio_GA - 1
    each_GA = (surrogate_GA + settings.beta * kl_GA) * group.mask_GA
    return (each_GA.sum(1) / group.mask_GA.sum(1)).mean(), (kl_GA * group.mask_GA).sum()


# ---- loss -> update, again and again


def train(folder: Path, settings: Settings, shown: Callable[[str], object] = print) -> list[dict[str, float]]:
    """All steps, and what each of them measured."""
    policy = load_policy(settings)
    reference = copy.deepcopy(policy.model).requires_grad_(False)
    learned = [parameter for parameter in policy.model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, weight_decay=0.0)
    scorer, questions = vrft.Scorer(vrft.load_task("detection")), load_questions(folder, settings)
    log = []
    for step in range(settings.steps):
        # What a step asks, and its noise, follow from seed and step alone, by the rules of vrft's engine.
        now = Clock(step, settings.steps, settings.seed)
        chosen = examples_of_step(questions, now, settings.questions_per_step)
        generator = torch.Generator().manual_seed(
            int(np.random.SeedSequence([settings.seed, step]).generate_state(1)[0])
        )
        noise = torch.rand(settings.max_new_tokens, len(chosen) * settings.group_size, generator=generator)
        groups = [
            make_group(example, policy, reference, scorer, uniform_AG)
            for example, uniform_AG in zip(chosen, noise.split(settings.group_size, 1), strict=True)
        ]
        for options in optimizer.param_groups:
            options["lr"] = settings.learning_rate * min(1.0, (step + 1) / settings.warmup_steps)
        for _ in range(settings.updates):
            optimizer.zero_grad()
            row = {"reward": float(np.mean([group.rewards_G for group in groups])), "loss": 0.0, "kl": 0.0}
            for group in groups:  # their gradients add up to that of the whole step
                loss, kl = grpo_loss(logprobs(policy.model, group.prompt, group.tokens_GA), group, settings)
                (loss / len(groups)).backward()
                row["loss"] += loss.item() / len(groups)
                row["kl"] += kl.item() / sum(int(each.mask_GA.sum()) for each in groups)
            row["grad_norm"] = float(torch.nn.utils.clip_grad_norm_(learned, settings.max_grad_norm))
            optimizer.step()
        log.append(row)
        shown(f"step {step + 1:2d}  " + "  ".join(f"{name} {value:.4f}" for name, value in row.items()))
    return log


if __name__ == "__main__":
    train(write_detection(Path("runs/examples/detection"), seed=0), Settings())
