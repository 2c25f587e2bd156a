"""Generation from causal language models, with drafts from texts that the same prompts gave before."""

from asc_nn_training.generation.counts import Counts
from asc_nn_training.generation.sampling import Sampling
from asc_nn_training.generation.speculative import Generated, GeneratedText, SpeculativeGeneration, generate
from asc_nn_training.generation.texts import TextCache

__all__ = [
    "Counts",
    "Generated",
    "GeneratedText",
    "Sampling",
    "SpeculativeGeneration",
    "TextCache",
    "generate",
]
