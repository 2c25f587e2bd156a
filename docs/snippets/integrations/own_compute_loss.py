"""A Trainer with a loss of its own: candidates are judged by this loss as well."""

from torch.nn import functional
from transformers import Trainer

from asc_nn_training import SpeculationCallback


class Smoothed(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        outputs = model(**inputs)
        logits, targets = outputs.logits[:, :-1].flatten(0, 1), inputs["labels"][:, 1:].flatten()
        loss = functional.cross_entropy(logits, targets, label_smoothing=0.1)
        return (loss, outputs) if return_outputs else loss


def train(model, arguments, train_dataset, eval_dataset):
    trainer = Smoothed(model, arguments, train_dataset=train_dataset, eval_dataset=eval_dataset)
    speculation = SpeculationCallback(trainer)
    trainer.add_callback(speculation)
    trainer.train()
    return speculation.report()
