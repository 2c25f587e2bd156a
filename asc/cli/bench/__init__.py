"""The two replays of `asc bench-predictor`, and the tables that show what they find."""
