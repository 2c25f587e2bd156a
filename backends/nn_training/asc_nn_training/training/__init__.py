"""The plain training loop, and its parts: model, optimiser, schedule, loss, device, checkpoints."""
