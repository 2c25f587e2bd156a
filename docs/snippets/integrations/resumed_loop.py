"""Stopping and resuming: the state of the speculation is saved beside those of model and optimiser."""

import torch


def save(path, model, optimizer, speculation):
    states = {"model": model, "optimizer": optimizer, "speculation": speculation}
    torch.save({name: each.state_dict() for name, each in states.items()}, path)


def load(path, model, optimizer, speculation):
    saved = torch.load(path, weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    speculation.load_state_dict(saved["speculation"])
