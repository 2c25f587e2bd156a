"""Hello, speculation: count primes, and say why it went faster. Look at the last line.

Each step tests one odd number. Where the next steps begin is easy to guess (two more each time), so workers test
numbers that the main loop has not come to yet. What they find is used only if they read the right words; `primes` is
only added to, so nobody has to guess it. Seconds are shared with whatever else the machine does: run it on an idle
one.
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
