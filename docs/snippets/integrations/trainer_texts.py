"""Texts of prompts while `transformers.Trainer` trains: one added line."""

from transformers import Trainer

from asc_nn_training import TextsCallback


def train(model, arguments, train_dataset, tokenizer, prompts):
    trainer = Trainer(model, arguments, train_dataset=train_dataset, processing_class=tokenizer)
    texts = TextsCallback(trainer, prompts, every=50, sampling={"temperature": 0.8, "max_new_tokens": 20})
    trainer.add_callback(texts)
    trainer.train()
    return texts.texts
