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

_QUICKEST = 10  # times the pace at most where steps are timed: in less time speculation cannot pay
_AGAIN = "again, quickly, since page 2 was left before its end"
_HERE = "here, quickly, since page 2 was not looked at"


class Tour:
    """Makes the scenes, and remembers those that later pages tell of."""

    def __init__(self, there: Collection[str]) -> None:
        self._there = there
        self._race: Race | None = None  # of page 2
        self._rerun: Race | None = None  # of page 7, where the other was not run to its end
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
        self._race = self._count_up(_timed(pace))
        return self._race

    def _count_up(self, pace: Pace) -> Race:
        race = Race(pace, collatz, {"n": 1, "total": 0}, ("total",), supersteps=80, step_s=0.05)
        self._runs.append(race.watched)
        return race

    def _in_vain(self, pace: Pace) -> Scene:
        race = Race(_timed(pace), chain, {"block": b"start"}, supersteps=60, step_s=0.03)
        self._runs.append(race.watched)
        return race

    def _dial(self, pace: Pace) -> Scene:
        dial = Dial(_timed(pace))
        self._runs += dial.runs.values()
        return dial

    def _counting(self, pace: Pace) -> Scene:
        if self._race is not None and self._race.over:
            return Counting(self._race, None)
        how = _HERE if self._race is None else _AGAIN
        if self._rerun is not None and self._rerun.over:
            return Counting(self._rerun, None, how)
        self._rerun = self._count_up(pace.at(_QUICKEST))
        return Counting(self._rerun, self._rerun.play, how)


def _timed(pace: Pace) -> Pace:
    """Return this pace, or the quickest at which steps can be timed."""
    return pace.at(min(pace.speed, _QUICKEST))


_WHAT = """\
A program is a walk: x, f(x), f(f(x)), one step after the other. Here f(x) = 3x + 1. Nobody can skip a step, unless \
somebody guesses a state ahead, another runs on from there, and the guess proves right to the last bit."""

_WORK = """\
For n = 1, 2 and so on the program counts the iterations to 1. Two workers run ahead from guesses of n; each » was \
leapt over, since a worker had been there from the right guess."""

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
losses and accepts what is better beyond the noise. Of several accepted at a step the best is leapt to. Slowed down \
for the eye."""

_LEDGER = """\
Where the seconds of page 2 went: predicting, sending, waiting and checking too. The plain run was timed beside it, so \
the speed-up is what is left after all of that."""

_ONWARD = """\
The same parts drive real programs and the training of networks."""
