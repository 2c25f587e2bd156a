"""Read-outs in `transformers.Trainer`: its evaluation set picks the best at the end, which is then saved."""

from transformers import Trainer, TrainerCallback

from asc_nn_training import ReadOuts


class Averaging(TrainerCallback):
    def on_train_begin(self, arguments, state, control, *, model, optimizer, **_):
        self.read_outs = ReadOuts(model, optimizer)

    def on_step_end(self, arguments, state, control, **_):
        self.read_outs.update()


def train(model, arguments, train_dataset, eval_dataset, folder):
    averaging = Averaging()
    trainer = Trainer(model, arguments, train_dataset=train_dataset, eval_dataset=eval_dataset, callbacks=[averaging])
    trainer.train()
    with averaging.read_outs.best(lambda _: trainer.evaluate()["eval_loss"]) as name:
        trainer.save_model(folder)
    return name
