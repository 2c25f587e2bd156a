"""Accelerate, with gradient accumulation: micro-batches are no steps."""

from asc_nn_training import attach


def train(accelerator, model, optimizer, loader, gate):
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    attached = attach(model, optimizer, gate=gate, loss=lambda model, batch: model(**batch).loss)
    for batch in loader:
        with accelerator.accumulate(model):
            accelerator.backward(model(**batch).loss)
            optimizer.step()
            optimizer.zero_grad()
    attached.close()
    return attached.report()
