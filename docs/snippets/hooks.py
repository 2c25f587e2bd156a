"""Every hook, once: `asc run toy --plugin docs/snippets/hooks.py`."""

import asc


@asc.hookimpl
def asc_register(registry):
    registry.add("predictor", "stay", "hooks:Stay", "predicts that nothing changes")


class Stay(asc.Predictor):
    """Predicts that nothing changes."""

    def predict(self, history, horizon):
        return asc.Combination((1.0,))


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
