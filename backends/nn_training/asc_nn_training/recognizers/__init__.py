"""Recognizers of regimes of training, and the fingerprints that they compare."""
