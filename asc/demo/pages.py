"""The pages in their order, with what each says."""

from __future__ import annotations

from collections.abc import Collection

from asc.demo.counting import Counting
from asc.demo.dial import Dial
from asc.demo.judged import Judged
from asc.demo.onward import Onward
from asc.demo.pace import Pace
from asc.demo.page import Page, Scene
from asc.demo.programs import chain, collatz
from asc.demo.race import Race
from asc.demo.remembered import Remembered
from asc.demo.walk import Walk
from asc.demo.watched import Watched

_QUICK = 10  # times the pace of a race that is run for its figures alone
AT_WORK = 2  # the page whose race is counted up later


class Tour:
    """Makes the scenes, and remembers those that later pages tell of."""

    def __init__(self, there: Collection[str]) -> None:
        self._there = there
        self._race: Race | None = None
        self._runs: list[Watched] = []

    def pages(self) -> tuple[Page, ...]:
        """Return the pages, first to last."""
        return (
            Page("What speculation is", _WHAT, Walk),
            Page("Speculation at work", _WORK, self._at_work),
            Page("A program that nothing predicts", _CHAIN, self._in_vain),
            Page("One dial from order to chaos", _DIAL, self._dial),
            Page("What was read matters", _CACHE, Remembered),
            Page("Guesses that are judged", _JUDGED, Judged),
            Page("Honest counting", _LEDGER, self._counting),
            Page("Where to go next", _ONWARD, lambda _: Onward(self._there, self._runs)),
        )

    def _at_work(self, pace: Pace) -> Race:
        self._race = Race(pace, collatz, {"n": 1, "total": 0}, ("total",), supersteps=80, step_s=0.05)
        self._runs.append(self._race.watched)
        return self._race

    def _in_vain(self, pace: Pace) -> Scene:
        race = Race(pace, chain, {"block": b"start"}, supersteps=60, step_s=0.03)
        self._runs.append(race.watched)
        return race

    def _dial(self, pace: Pace) -> Scene:
        dial = Dial(pace)
        self._runs += dial.runs.values()
        return dial

    def _counting(self, pace: Pace) -> Scene:
        if self._race is not None and self._race.over:
            return Counting(self._race, None)
        race = self._at_work(pace.times(_QUICK))
        return Counting(race, race.play)


_WHAT = """\
A program is a walk: x, f(x), f(f(x)), one step after the other. Here f(x) = 3x + 1. Nobody can skip a step, unless \
somebody guesses a state ahead, another runs on from there, and the guess proves right to the last bit."""

_WORK = """\
For n = 1, 2 and so on the program counts the iterations to 1. Two workers run ahead from guesses of n; each » was \
leapt over, since a worker had been there from the right guess. In both runs a step waits 50 ms in place of real \
work, so that you can follow."""

_CHAIN = """\
A chain of SHA-256: each block is the hash of the one before. Every guess is wrong, so after a few of them speculation \
is withdrawn, and tries again ever more rarely. Look at the cost: the program is hardly slower for it."""

_DIAL = """\
The map x → r x (1 - x) is one program with one dial. Nothing is guessed here: the run remembers what it has done, and \
where x comes back, bit for bit, it leaps over all the rest. In chaos nothing comes back; 3.83 is an island of order."""

_CACHE = """\
One superstep was run and remembered, together with the words that it read. It is found again wherever those have the \
same bits, and no other word matters. In each row the bold word was changed; 26.0 has other bits than 26."""

_JUDGED = """\
Training, in miniature: noisy descent. No guess of weights is right to the bit, so a validator compares held-out \
losses and lets through what is better beyond the noise. Gaps were leapt over. Slowed down for the eye."""

_LEDGER = """\
Where the seconds of page 2 went. Predicting, sending, waiting and checking are all on the clock, and the two runs \
were timed side by side: the speed-up is what is left after everything was paid for."""

_ONWARD = """\
The same parts drive real programs and the training of networks. These can be typed here; each takes --help."""
