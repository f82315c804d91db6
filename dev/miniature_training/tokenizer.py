"""The miniature's tokenizer: byte-level BPE with Qwen's special tokens and whole phrases as tokens.

A small model pays for every token, so the fixed phrases of prompts and answers are single tokens; digits
stand alone, as in Qwen's own tokenizer. Any other text falls back to words and bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = {
    "eos": "<|im_end|>",
    "pad": "<|endoftext|>",
    "bos": "<|im_start|>",
    "image": "<|image_pad|>",
    "video": "<|video_pad|>",
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
}

CHAT_TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{- message.content }}{%- else %}"
    "{%- for part in message.content %}"
    "{%- if part.type == 'image' or 'image' in part %}{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif 'text' in part %}{{- part.text }}{%- endif %}"
    "{%- endfor %}{%- endif %}{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)

PHRASES = (
    "user\n",
    "assistant\n",
    "Detect all objects belonging to the category '",
    "' in the image, and provide the bounding boxes (between 0 and 1000, integer) and confidence "
    "(between 0 and 1, with two decimal places).\n",
    "If no object belonging to the category '",
    "' in the image, return 'No Objects'.\n",
    "Output the thinking process in <think> </think> and final answer in <answer> </answer> tags.",
    "Output the final answer in <answer> </answer> tags.",
    "The output answer format should be as follows:\n",
    "<think> ... </think> ",
    "<answer>[{'Position': [x1, y1, x2, y2], 'Confidence': number}, ...]</answer>\n",
    "Please strictly follow the format.",
    "This is an image containing a",
    " Please identify the class of the ",
    " based on the image.",
    "\nChoose one of: ",
    "Output the bounding box in the image corresponding to the instruction: ",
    " Output the thinking process in <think> </think> and your grouding box. "
    'Following "<think> thinking process </think>\n<answer>(x1,y1),(x2,y2)</answer>)" format.',
    ' Output your grounding box. Following "<answer>(x1,y1),(x2,y2)</answer>" format.',
    "What is the object in the image?",
    "Locate every ",
    "Locate the ",
    " in the image, output their bbox coordinates in JSON format.",
    " in the image, output its bbox coordinates in JSON format.",
    "Locate every object in the image, output their labels and bbox coordinates in JSON format.",
    "There are none.",
    "<think>",
    "</think> ",
    "</think>",
    "<answer>",
    "</answer>",
    "<answer>[{'Position': [",
    "[{'Position': [",
    "], 'Confidence': ",
    "}, {'Position': [",
    "}]</answer>",
    "<answer>No Objects</answer>",
    "No Objects",
    "I look for '",
    "' in the image.",
    "I can see the ",
    "I can not see it in the image.",
    "It looks like ",
    '{"bbox_2d": [',
    '[{"bbox_2d": [',
    ', {"bbox_2d": [',
    '], "label": "',
    '"}',
    '"}]',
    "),(",
    "0.",
    "1.00",
)


def train_tokenizer(texts: Iterable[str], vocab_size: int = 1024) -> PreTrainedTokenizerFast:
    """Train the tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    # One digit a token; a word takes the space before it; everything else stands alone.
    words = Regex(r"\p{N}| ?\p{L}+| ?[^\s\p{L}\p{N}]|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    # Merges are learned on what stands between the phrases, since that is what they will meet.
    between = re.compile("|".join(re.escape(p) for p in sorted(PHRASES, key=len, reverse=True)))
    tokenizer.train_from_iterator((part for text in texts for part in between.split(text)), trainer)
    tokenizer.add_special_tokens(list(SPECIAL.values()))
    tokenizer.add_tokens([AddedToken(p, normalized=False, special=False) for p in PHRASES])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=SPECIAL["eos"],
        pad_token=SPECIAL["pad"],
        extra_special_tokens=[v for k, v in SPECIAL.items() if k not in ("eos", "pad")],
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )


def add_phrases(tokenizer: PreTrainedTokenizerFast, phrases: Iterable[str]) -> dict[int, list[int]]:
    """Make further phrases tokens, in place: by its id, the ids of what each was before."""
    known = set(tokenizer.get_vocab())
    new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in known]
    before = {phrase: tokenizer(phrase, add_special_tokens=False)["input_ids"] for phrase in new}
    tokenizer.add_tokens([AddedToken(phrase, normalized=False, special=False) for phrase in new])
    return {int(tokenizer.convert_tokens_to_ids(phrase)): parts for phrase, parts in before.items()}


def special_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    """Ids of Qwen's special tokens by role."""
    return {role: int(tokenizer.convert_tokens_to_ids(token)) for role, token in SPECIAL.items()}
