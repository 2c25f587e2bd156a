"""Lightning: leaps are judged by the module's own training step, on samples of the validation set."""

from lightning.pytorch import Trainer

from asc_nn_training import LightningSpeculation


def train(module, train_loader, val_loader, **settings):
    speculation = LightningSpeculation()
    trainer = Trainer(callbacks=[speculation], **settings)
    trainer.fit(module, train_loader, val_loader)
    return speculation.report()
