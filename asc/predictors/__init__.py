"""Built-in predictors: where the computation will be."""
