"""DistributedDataParallel: all ranks decide alike. Start it with `torchrun --nproc-per-node N FILE.py`."""

from torch.nn.parallel import DistributedDataParallel

from asc_nn_training import Speculation


def train(model, make_optimizer, batches_of_this_rank, gate, loss):
    model = DistributedDataParallel(model)
    optimizer = make_optimizer(model.parameters())
    speculation = Speculation(model, optimizer, gate=gate, loss=loss)
    for batch in batches_of_this_rank:
        losses = loss(model, batch)
        optimizer.zero_grad()
        losses.mean().backward()
        optimizer.step()
        speculation.step(losses.mean())
    speculation.close()
    return speculation.report()
