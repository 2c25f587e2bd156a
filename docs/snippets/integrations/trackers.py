"""The figures of speculation in a tracker, from a loop without a trainer."""

from asc.plugins import load
from asc_nn_training import Speculation, Tracking


def to_wandb(run):
    return Tracking(lambda figures, step: run.log(figures, step=step))  # run = wandb.init(...), or trackio.init(...)


def to_mlflow(mlflow):
    return Tracking(lambda figures, step: mlflow.log_metrics(figures, step=step))


def to_tensorboard(writer):
    def log(figures, step):
        for name, value in figures.items():
            writer.add_scalar(name, value, step)

    return Tracking(log)


def tracked_speculation(tracking, model, optimizer, **settings):
    plugins = load()
    plugins.observe(tracking, "tracking")
    return Speculation(model, optimizer, plugins=plugins, **settings)
