"""Built-in validators: whether a candidate is good enough."""
