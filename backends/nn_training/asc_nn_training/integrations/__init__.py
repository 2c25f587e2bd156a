"""Speculation in training loops other than ours: a plain PyTorch loop, and `transformers.Trainer`."""
