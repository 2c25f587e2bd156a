"""Whether a component takes more and more, the longer it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

from asc.testing.effort import Held, instructions

Call = Callable[[Any], object]


def work(occasions: Iterator[Any], count: int, call: Call) -> tuple[int, int]:
    """Return the median instructions of a call, in a tenth of so many occasions after the first fifth, and in the last.

    The median, since work that is due now and then, such as a fit, falls into one of them by chance.
    """
    __tracebackhide__ = True
    taken: dict[bool, list[int]] = {False: [], True: []}
    tenth = max(1, count // 10)
    for number, occasion in enumerate(occasions):
        late = number >= count - tenth
        if late or count // 5 <= number < count // 5 + tenth:
            taken[late].append(instructions(partial(call, occasion)))
        else:
            call(occasion)
    return int(median(taken[False])), int(median(taken[True]))


def grows(early: int, late: int) -> bool:
    """Whether a late call takes more than another branch here or there explains.

    What goes through all that has been takes more than twice as many instructions there.
    """
    return late > 1.5 * early + 300


def memory(occasions: Iterator[Any], count: int, call: Call, elsewhere: Callable[[], int]) -> int:
    """Return by how many bytes the memory held has grown from the middle of so many occasions to the last.

    `elsewhere` tells of bytes that Python does not count.
    """
    __tracebackhide__ = True
    grown = 0
    with Held() as held:
        for number, occasion in enumerate(occasions):
            call(occasion)
            if number in (count // 2, count - 1):
                grown = held.now() + elsewhere() - grown
    return grown
