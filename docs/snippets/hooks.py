"""Every hook, once: `asc run toy --plugin docs/snippets/hooks.py`."""

from rich.text import Text

import asc
from asc.demo.page import Page


@asc.hookimpl
def asc_register(registry):
    registry.add("predictor", "stay", "hooks:Stay", "predicts that nothing changes")


class Stay(asc.Predictor):
    """Predicts that nothing changes."""

    def predict(self, history, horizon):
        return asc.Combination((1.0,))


class Greeting:
    """A scene that computes nothing."""

    def __init__(self, tempo):
        self.tempo = tempo

    def play(self):
        """There is nothing to compute."""

    def draw(self, room):
        """Return what there is to see."""
        return Text(f"There are {room.width} columns.")


@asc.hookimpl
def asc_demo_pages():
    return [Page("A page of mine", "It comes before the last one.", Greeting)]


@asc.hookimpl
def asc_run_started(run):
    print(f"{run.backend} begins at position {run.status().position}")


leaps = []


@asc.hookimpl
def asc_boundary(boundary):
    leaps.extend(boundary.leaps)


@asc.hookimpl
def asc_progress(run):
    print(f"at position {run.status().position}")


@asc.hookimpl
def asc_run_finished(summary):
    print(f"{len(leaps)} leaps in {summary['seconds']:.1f} seconds; {summary['reason']}")
