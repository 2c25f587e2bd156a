"""FSDP2: each rank predicts and keeps its own part of the weights. Start it with `torchrun`, as for DDP."""

from torch.distributed.fsdp import fully_shard

from asc_nn_training import Speculation


def train(model, blocks, make_optimizer, batches_of_this_rank, gate, loss):
    for block in blocks:
        fully_shard(block)
    fully_shard(model)
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
