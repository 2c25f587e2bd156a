"""How tokens are chosen from logits, and how far logits can be trusted."""

from __future__ import annotations

from pydantic import Field

from asc.settings import Settings


class Sampling(Settings):
    """Settings of a generation. With temperature 0 it is greedy: each token is the one with the largest logit."""

    max_new_tokens: int = Field(128, ge=1, description="most tokens of a text, without its prompt")
    temperature: float = Field(0.0, ge=0, description="0 takes the largest logit; 1 samples from the model as it is")
    top_k: int = Field(0, ge=0, description="sample from so many of the likeliest tokens; 0: from all")
    top_p: float = Field(
        1.0, gt=0, le=1, description="sample from the likeliest tokens that have this probability in all"
    )
    repetition_penalty: float = Field(
        1.0, gt=0, description="what the logits of tokens that have occurred are divided by"
    )
    stop: tuple[str, ...] = Field((), description="strings that end a text; the text has them at its end")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the noise of sampling")
    margin: float | None = Field(
        None,
        ge=0,
        description="two logits that are closer than this are not told apart by a pass over several tokens or rows; "
        "by default by the arithmetic and the largest logit",
    )
