"""Break a random number generator: a linear congruential generator looks random, and three outputs reveal it.

The generator is x -> (a x + c) mod 2^64, with Knuth's constants for MMIX. Two statistics find nothing wrong with it,
and predictors that use differences fail. But after three outputs the predictor `affine`, which knows neither a nor c,
predicts every output to come. Differences obey D' = a D, so two of them give a: outputs are even and odd in turns, so
the first difference is odd, and one can divide by it modulo 2^64. Then c follows.

Look at the table of right predictions, then at the outputs a billion steps ahead. The last part shows two generators
that resist: one that shows only the upper half of its state, and one that is not affine.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise
from typing import Any

from asc.plugins import load
from asc.testing.histories import WordHistory
from asc.types import Direct

A, C, MODULUS = 6364136223846793005, 1442695040888963407, 2**64
PREDICTORS = ("last-value", "mean", "linear", "quadratic", "affine")
FAR = 10**9


def congruential(x: int) -> Iterator[int]:
    while True:
        x = (A * x + C) % MODULUS
        yield x


def upper_half(x: int) -> Iterator[int]:
    """The same generator, with the lower half of its state hidden."""
    return (value >> 32 for value in congruential(x))


def hashed(x: int) -> Iterator[int]:
    while True:
        x = int.from_bytes(hashlib.sha256(x.to_bytes(8, "big")).digest()[:8], "big")
        yield x


def jump(x: int, steps: int) -> int:
    """Return the output so many steps after x, from a and c, by repeated squaring."""
    a, c = A, C
    while steps:
        if steps & 1:
            x = (a * x + c) % MODULUS
        a, c, steps = a * a % MODULUS, (a + 1) * c % MODULUS, steps >> 1
    return x


def looks_random(outputs: list[int]) -> None:
    """Print chi-square of the leading byte, and the correlation of each output with the next."""
    counts, expected = Counter(x >> 56 for x in outputs), len(outputs) / 256
    chi = sum((counts[byte] - expected) ** 2 / expected for byte in range(256))
    mean = sum(outputs) / len(outputs)
    product = sum((x - mean) * (y - mean) for x, y in pairwise(outputs))
    correlation = product / sum((x - mean) ** 2 for x in outputs)
    print(f"{len(outputs):,} outputs look random. Chi-square of the leading byte: {chi:.0f}")
    print("  (random bytes: 255 ± 23).")
    print(f"  Correlation of neighbours: {correlation:+.4f} (random: 0 ± {len(outputs) ** -0.5:.4f}).")


def predict(predictor: Any, outputs: list[int], horizon: int = 1) -> int | None:
    """Predict an output from those before it: a prediction is a state, or coefficients of past outputs."""
    prediction = predictor.predict(WordHistory(range(len(outputs)), [{"x": x} for x in outputs]), horizon)
    if prediction is None:
        return None
    if isinstance(prediction, Direct):
        return prediction.state["x"]
    terms = zip(prediction.coefficients, prediction.of(outputs), strict=True)
    return math.floor(sum(Fraction(coefficient) * x for coefficient, x in terms))


def hits(name: str, outputs: list[int], first: int = 3, last: int = 40) -> str:
    """Say how many of the outputs were predicted right, each from those before it."""
    predictor = load().registry.create("predictor", name, {})
    right = sum(predict(predictor, outputs[:seen]) == outputs[seen] for seen in range(first, last))
    return f"{right:2} of {last - first}"


def main(seed: int) -> None:
    outputs = list(islice(congruential(seed), 20_000))
    print("The first three outputs:", *outputs[:3], sep="\n  ")
    print()
    looks_random(outputs)

    print("\nOutputs 4 to 40, each predicted from those before it:")
    for name in PREDICTORS:
        print(f"  {name:12} {hits(name, outputs)} right")

    affine = load().registry.create("predictor", "affine", {})
    print("\nFrom the first three outputs alone, affine predicts the output this far ahead:")
    for horizon in (1, 1000, FAR, FAR**2):
        predicted, true = predict(affine, outputs[:3], horizon), jump(outputs[2], horizon)
        print(f"  {horizon:>25,}: {predicted:>20}, {'right' if predicted == true else f'wrong: it is {true}'}")

    print("\nWhat resists:")
    for what, generator in (("the upper half of the state", upper_half), ("a chain of hashes", hashed)):
        print(f"  {what:28} affine: {hits('affine', list(islice(generator(seed), 40)))} right")
    print("Hidden bits hide the law from this predictor only: lattice methods find it")
    print("from a few more outputs.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2014)
