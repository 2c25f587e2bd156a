"""Whether a component takes more and more, the longer a run goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median

from asc.testing.courses import Course, Visit
from asc.testing.effort import Held, instructions

Call = Callable[[Visit], object]


def work(course: Course, call: Call) -> tuple[int, int]:
    """Return the median of a call's instructions in a tenth of a long course from its third on, and in its last tenth.

    The median, since work that is due now and then, such as a fit, falls into one of them by chance.
    """
    __tracebackhide__ = True
    taken: dict[bool, list[int]] = {False: [], True: []}
    tenth = max(1, course.long // 10)
    for number, visit in enumerate(course.visits(course.long)):
        late = number >= course.long - tenth
        if late or course.long // 3 <= number < course.long // 3 + tenth:
            taken[late].append(instructions(partial(call, visit)))
        else:
            call(visit)
    return int(median(taken[False])), int(median(taken[True]))


def grows(early: int, late: int) -> bool:
    """Whether a late call takes more than another branch here or there explains.

    What goes through all that has been takes more than twice as many instructions there.
    """
    return late > 1.5 * early + 300


def memory(course: Course, call: Call, elsewhere: Callable[[], int] = lambda: 0) -> int:
    """Return by how many bytes the memory held has grown from the middle of a long course to its end.

    `elsewhere` tells of bytes that Python does not count.
    """
    __tracebackhide__ = True
    grown = 0
    with Held() as held:
        for number, visit in enumerate(course.visits(course.long)):
            call(visit)
            if number in (course.long // 2, course.long - 1):
                grown = held.now() + elsewhere() - grown
    return grown
