"""Regimes of training, and the fingerprints that they are told by."""
