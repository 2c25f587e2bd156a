"""TRL's DPOTrainer: pairs of held-out answers judge, by the loss of preferences."""

from trl import DPOTrainer

from asc_nn_training import SpeculationCallback


def train(model, reference, arguments, tokenizer, train_dataset, eval_dataset):
    trainer = DPOTrainer(
        model, reference, arguments, train_dataset=train_dataset, eval_dataset=eval_dataset, processing_class=tokenizer
    )
    speculation = SpeculationCallback(trainer)
    trainer.add_callback(speculation)
    trainer.train()
    return speculation.report()
