"""A loop of your own: one object, and one call after each step of the optimiser."""

from asc_nn_training import Speculation


def train(model, optimizer, batches, gate, loss):
    speculation = Speculation(model, optimizer, gate=gate, loss=loss)
    for batch in batches:
        losses = loss(model, batch)  # one a sample
        optimizer.zero_grad()
        losses.mean().backward()
        optimizer.step()
        speculation.step(losses.mean())
    speculation.close()
    return speculation.report()
