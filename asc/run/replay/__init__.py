"""A run that is over gone through again, so that other predictors can be asked along the way."""
