"""Built-in predictors: where the computation will be; and what those that learn share, for others to build on."""

from asc.predictors.learning import Reader, Spacings, Superstep

__all__ = ["Reader", "Spacings", "Superstep"]
