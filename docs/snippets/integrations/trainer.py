"""`transformers.Trainer`: one added line. The gate is judged by what the trainer trains."""

from transformers import Trainer

from asc_nn_training import SpeculationCallback


def train(model, arguments, train_dataset, eval_dataset):
    trainer = Trainer(model, arguments, train_dataset=train_dataset, eval_dataset=eval_dataset)
    speculation = SpeculationCallback(trainer)
    trainer.add_callback(speculation)
    trainer.train()
    return speculation.report()
