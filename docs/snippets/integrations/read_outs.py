"""Read-outs in a loop of your own: averages of the weights, of which held-out batches pick the best at the end."""

import torch

from asc_nn_training import ReadOuts


def train(model, optimizer, batches, held_out, loss, file):
    read_outs = ReadOuts(model, optimizer)
    for batch in batches:
        optimizer.zero_grad()
        loss(model, batch).mean().backward()
        optimizer.step()
        read_outs.update()
    with read_outs.best(lambda model: torch.stack([loss(model, batch).mean() for batch in held_out])) as name:
        torch.save(model.state_dict(), file)
    return name
