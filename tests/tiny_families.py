"""Tiny random policies of the families beyond Qwen: each with its own marks in the prompt, as released."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    InternVLConfig,
    InternVLForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)

SIGLIP = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
MEAN = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
TILE = {"height": 32, "width": 32}

CHATML = (
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' }}{%- for p in m.content %}"
    "{%- if p.type == 'image' %}{{- 'MARK' }}{%- else %}{{- p.text }}{%- endif %}{%- endfor %}"
    "{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
IDEFICS = (
    "<|im_start|>{% for m in messages %}{{ m['role'].capitalize() }}"
    "{% if m['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for p in m['content'] %}"
    "{% if p['type'] == 'text' %}{{ p['text'] }}{% else %}{{ '<image>' }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
GEMMA = (
    "{% for m in messages %}"
    "{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' }}"
    "{% for p in m['content'] %}"
    "{% if p['type'] == 'image' %}{{ '<start_of_image>' }}{% else %}{{ p['text'] | trim }}{% endif %}"
    "{% endfor %}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)


def text_config(model_type: str, vocab: int) -> dict:
    """A text model of two layers."""
    return {
        "model_type": model_type, "vocab_size": vocab, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
        "max_position_embeddings": 2048, "tie_word_embeddings": True, "pad_token_id": None,
    }  # fmt: skip


@dataclass(frozen=True)
class Tiny:
    """How a tiny policy of one family is made.

    Args:
        tokens: its marks, added to the tokenizer; the first is the one of an image token.
        template: its chat template.
        processor: settings of its image processor.
    """

    tokens: tuple[str, ...]
    template: str
    processor: dict = field(default_factory=dict)

    def build(self, ids: dict[str, int], vocab: int) -> PreTrainedModel:
        """A random model; ``ids`` are those of ``tokens`` by their text."""
        raise NotImplementedError


class TinyInternVL(Tiny):
    """Sixteen patches, shuffled into four tokens a tile."""

    def build(self, ids, vocab):
        vision = {
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": [32, 32], "patch_size": [8, 8],
        }  # fmt: skip
        config = InternVLConfig(
            text_config=text_config("qwen2", vocab),
            vision_config=vision,
            image_token_id=ids["<IMG_CONTEXT>"],
            image_seq_length=4,
            tie_word_embeddings=True,
        )
        return InternVLForConditionalGeneration(config)


class TinyLlavaOnevision(Tiny):
    """Sixteen tokens a tile."""

    def build(self, ids, vocab):
        # Of these heads some random answers end by themselves, which the tests of sampling need.
        heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
        config = LlavaOnevisionConfig(
            text_config=text_config("qwen2", vocab) | heads,
            vision_config=SIGLIP | {"model_type": "siglip_vision_model", "vision_use_head": False},
            image_token_index=ids["<image>"],
            video_token_index=ids["<video>"],
            image_grid_pinpoints=self.processor["image_grid_pinpoints"],
            vision_aspect_ratio="anyres_max_2",
            tie_word_embeddings=True,
        )
        return LlavaOnevisionForConditionalGeneration(config)


class TinyIdefics3(Tiny):
    """Four tokens a tile."""

    config, model = Idefics3Config, Idefics3ForConditionalGeneration

    def build(self, ids, vocab):
        config = self.config(
            text_config=text_config("llama", vocab),
            vision_config=SIGLIP,
            image_token_id=ids["<image>"],
            scale_factor=2,
            tie_word_embeddings=True,
        )
        return self.model(config)


class TinySmolVLM(TinyIdefics3):
    """The same under its own name."""

    config, model = SmolVLMConfig, SmolVLMForConditionalGeneration


class TinyGemma3(Tiny):
    """Four tokens an image; one layer of two sees a window only, wider than the tests' rows."""

    def build(self, ids, vocab):
        text = text_config("gemma3_text", vocab) | {
            "query_pre_attn_scalar": 16,
            "sliding_window": 512,
            "layer_types": ["sliding_attention", "full_attention"],
        }
        config = Gemma3Config(
            text_config=text,
            vision_config=SIGLIP | {"model_type": "siglip_vision_model", "vision_use_head": False},
            mm_tokens_per_image=4,
            boi_token_index=ids["<start_of_image>"],
            eoi_token_index=ids["<end_of_image>"],
            image_token_index=ids["<image_soft_token>"],
            tie_word_embeddings=True,
        )
        model = Gemma3ForConditionalGeneration(config)
        # transformers begins with a projection of zeros: no image would be seen.
        with torch.no_grad():
            model.model.multi_modal_projector.mm_input_projection_weight.normal_(std=0.1)
        return model


_IDEFICS_TOKENS = (
    "<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>",
    "<row_1_col_1>", "<row_1_col_2>", "<row_2_col_1>", "<row_2_col_2>",
)  # fmt: skip
_IDEFICS_SIZES = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}}

TINY = {
    "internvl": TinyInternVL(
        ("<IMG_CONTEXT>", "<img>", "</img>", "<video>"),
        CHATML.replace("MARK", "<IMG_CONTEXT>\\n"),
        # A released folder says that no tiles are cut, and its processor cuts them all the same.
        {
            "image_processor_type": "GotOcr2ImageProcessor",
            "size": TILE,
            "crop_to_patches": False,
            "max_patches": 4,
        },
    ),
    "llava_onevision": TinyLlavaOnevision(
        ("<image>", "<video>"),
        CHATML.replace("MARK", "<image>\\n"),
        {
            "image_processor_type": "LlavaOnevisionImageProcessor",
            "size": TILE,
            "image_grid_pinpoints": [[32, 32], [32, 64], [64, 32], [64, 64], [96, 96]],
        },
    ),
    "idefics3": TinyIdefics3(
        _IDEFICS_TOKENS, IDEFICS, {"image_processor_type": "Idefics3ImageProcessor"} | _IDEFICS_SIZES
    ),
    "smolvlm": TinySmolVLM(
        _IDEFICS_TOKENS, IDEFICS, {"image_processor_type": "SmolVLMImageProcessor"} | _IDEFICS_SIZES
    ),
    "gemma3": TinyGemma3(
        ("<image_soft_token>", "<start_of_image>", "<end_of_image>", "<start_of_turn>", "<end_of_turn>"),
        GEMMA,
        {"image_processor_type": "Gemma3ImageProcessor", "size": TILE},
    ),
}


def build_tiny(model_type: str, tokenizer: PreTrainedTokenizerFast) -> tuple[PreTrainedModel, dict]:
    """A random model and its image processor's settings; the tokenizer is given the family's marks."""
    tiny = TINY[model_type]
    marks = {"additional_special_tokens": list(tiny.tokens)}
    tokenizer.add_special_tokens(marks, replace_extra_special_tokens=False)
    tokenizer.chat_template = tiny.template
    ids = {token: int(tokenizer.convert_tokens_to_ids(token)) for token in tiny.tokens}
    return tiny.build(ids, len(tokenizer)), tiny.processor | MEAN
