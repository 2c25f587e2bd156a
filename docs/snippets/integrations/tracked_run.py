"""`asc run nn_training --plugin tracked_run.py` writes its figures to a CSV file."""

import csv
from pathlib import Path

from asc_nn_training import Tracking


def log(figures, step):
    with Path("figures.csv").open("a", newline="") as file:
        csv.writer(file).writerows([step, name, value] for name, value in figures.items())


tracking = Tracking(log)
asc_run_started = tracking.asc_run_started
asc_boundary = tracking.asc_boundary
asc_run_finished = tracking.asc_run_finished
