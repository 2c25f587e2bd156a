"""Built-in predictors, and what the learning ones share, for plugins to build on."""

from asc.predictors.learning import Reader, Spacings, Superstep

__all__ = ["Reader", "Spacings", "Superstep"]
