"""The turns of a rollout that extend each other, as one sequence for the gradient."""

from __future__ import annotations

from dataclasses import dataclass

from vrft.types import Medium, Rollout


@dataclass(frozen=True)
class TrainingSequence:
    """Tokens that were shown and tokens that were said, one after the other.

    Args:
        media: what is shown in them, in order.
        token_ids: of both.
        logprobs: of each token under the policy that said it; 0 where it was shown.
        advantages: one per token; None where it was shown, which is not trained on.
    """

    media: tuple[Medium, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    advantages: tuple[float | None, ...]

    @property
    def n_shown_first(self) -> int:
        """Tokens before the first that was said: the prompt that all rollouts of a group share."""
        return next((i for i, one in enumerate(self.advantages) if one is not None), len(self.advantages))


_EMPTY = TrainingSequence((), (), (), ())


def join_turns(rollout: Rollout) -> list[TrainingSequence]:
    """Each turn whose prompt begins with all that came before goes on in the same sequence; any other opens
    its own.

    Raises:
        ValueError: advantages (one for a turn, or one per token) or log-probabilities are not as many as
            the tokens.
    """
    made: list[TrainingSequence] = []
    for number, (turn, own) in enumerate(zip(rollout.turns, rollout.advantages, strict=True)):
        said, prompt = turn.completion, turn.prompt
        count = len(said.token_ids)
        advantages = own * count if len(own) == 1 else own
        # A text that nobody sampled (gold) has no log-probabilities.
        logprobs = said.logprobs or (0.0,) * count
        if not (len(advantages) == len(logprobs) == count):
            raise ValueError(
                f"turn {number} of {rollout.example.id}: {len(own)} advantages and {len(logprobs)} "
                f"log-probabilities for {count} tokens"
            )
        last = made[-1] if made else _EMPTY
        goes_on = prompt.token_ids[: len(last.token_ids)] == last.token_ids
        if made and goes_on and prompt.media[: len(last.media)] == last.media:
            made.pop()
        else:
            last = _EMPTY
        shown = prompt.token_ids[len(last.token_ids) :]
        made.append(
            TrainingSequence(
                prompt.media,
                last.token_ids + shown + said.token_ids,
                last.logprobs + (0.0,) * len(shown) + logprobs,
                last.advantages + (None,) * len(shown) + advantages,
            )
        )
    return made
