"""TRL's GRPOTrainer: its rollouts are generated with drafts."""

from trl import GRPOTrainer

from asc_nn_training import SpeculativeRollouts


def train(model, reward, arguments, tokenizer, train_dataset):
    rollouts = SpeculativeRollouts(noise="same")
    trainer = GRPOTrainer(
        model, reward, arguments, train_dataset=train_dataset, processing_class=tokenizer, rollout_func=rollouts
    )
    trainer.train()
    return rollouts.report()
