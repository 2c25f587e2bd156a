"""Small computations with known answers, for tests, the demo and lectures."""
