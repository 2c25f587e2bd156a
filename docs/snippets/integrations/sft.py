"""TRL's SFTTrainer: the tokens that the trainer counts are those that judge."""

from trl import SFTTrainer

from asc_nn_training import SpeculationCallback


def train(model, arguments, tokenizer, train_dataset, eval_dataset):
    trainer = SFTTrainer(
        model, arguments, train_dataset=train_dataset, eval_dataset=eval_dataset, processing_class=tokenizer
    )
    speculation = SpeculationCallback(trainer)
    trainer.add_callback(speculation)
    trainer.train()
    return speculation.report()
