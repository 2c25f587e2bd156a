"""Hello, speculation: count primes, and see why it went faster. Look at the last line.

Each step tests one odd number. The next number is easy to predict (two more each time), so workers test numbers that
the main loop has not reached yet. A worker's result is used only if all values that it read are still the same. A step
only adds to `primes`, so its value need not be predicted. Workers need an idle core: close other programs that compute.
"""

from __future__ import annotations

import math
import sys
import textwrap
from typing import Any

from asc_toy import accelerate


def step(state: Any) -> None:
    number = state.number
    state.add("primes", int(all(number % divisor for divisor in range(3, math.isqrt(number) + 1, 2))))
    state.number = number + 2


steps = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
result = accelerate(step, {"number": 10**12 + 1, "primes": 0}, steps, compare_plain=True)
print(f"{result.state['primes']} of the {steps:,} odd numbers after 10^12 are prime.")
print(textwrap.fill(result.report, 80))
