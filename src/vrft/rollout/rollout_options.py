"""How answers are sampled while a policy trains."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from vrft.types import SamplingParams
from vrft.types.options import Options


def _as_list(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


class RolloutOptions(Options):
    """Groups of answers, and how each is drawn."""

    group_size: int = Field(8, ge=2)
    """Answers to each question."""
    temperature: float = Field(1.0, gt=0)
    """Below 1 the likely tokens are drawn more often, above 1 less often."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Tokens are drawn from the likeliest ones that together have this probability; 1 keeps all."""
    top_k: int = Field(0, ge=0)
    """Most likely tokens kept; 0 keeps all."""
    max_new_tokens: int = Field(256, ge=1)
    """An answer is cut off at this many tokens."""
    min_new_tokens: int = Field(0, ge=0)
    """No answer ends before: for benchmarks."""
    resample: int = Field(0, ge=0)
    """Further draws of a step, at most, of other questions in place of those whose answers all have the
    same reward (DAPO's dynamic sampling)."""
    sampler: str = "shared_prompt"
    """'shared_prompt', 'plain' (transformers' own generation), 'vllm' (servers, at `url`), or a class of your
    own as 'package.module:Class' or 'file.py:Class', which is given the policy."""
    url: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    """Address of the vLLM server that 'vrft serve' started, as http://host:port, or a list of several, which
    share the questions; they answer in validation and evaluation too."""
    overlap: bool = False
    """Draw the answers of the next step while this one's gradient is computed, so that both machines work at
    the same time (one step off policy): answers are then a step old. For servers."""
    max_mismatch: float | None = Field(None, gt=0)
    """The run stops where a sampled token's log-probability is further than this from the policy's own. null
    is, for servers, 0.001 with weights in float32 and in half precision a mean of 0.05, as rounding moves
    single tokens far; for samplers in this process it checks nothing."""

    def params(self) -> SamplingParams:
        """The part that a sampler is given."""
        return SamplingParams(
            self.temperature, self.top_p, self.top_k, self.max_new_tokens, self.min_new_tokens
        )
