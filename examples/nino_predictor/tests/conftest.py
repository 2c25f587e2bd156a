"""The tests run from a checkout as well as against the installed package; small tensors gain nothing from threads."""

import sys
from pathlib import Path

import torch
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[1]))
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
torch.set_num_threads(1)
