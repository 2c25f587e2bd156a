"""Settings: models, validation, and the layers that they come from."""
