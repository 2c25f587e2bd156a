"""TRL's GRPOTrainer: its loss needs texts that it generates, so a reward on held-out prompts judges."""

import torch
from trl import GRPOTrainer

from asc_nn_training import SpeculationCallback


def train(model, reward, arguments, tokenizer, train_dataset, eval_dataset):
    def score(model, rows):  # higher is better
        prompts = [row["prompt"] for row in rows]
        tokens = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left").to(model.device)
        answers = model.generate(**tokens, max_new_tokens=arguments.max_completion_length)
        texts = tokenizer.batch_decode(answers[:, tokens["input_ids"].shape[1] :], skip_special_tokens=True)
        return torch.tensor(reward(prompts=prompts, completions=texts))

    trainer = GRPOTrainer(
        model, reward, arguments, train_dataset=train_dataset, eval_dataset=eval_dataset, processing_class=tokenizer
    )
    speculation = SpeculationCallback(trainer, score=score)
    trainer.add_callback(speculation)
    trainer.train()
    return speculation.report()
