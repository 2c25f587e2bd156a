"""The pages in their order, and the sentences of each."""

from __future__ import annotations

from collections.abc import Sequence

from asc.demo.counting import Counting
from asc.demo.dial import Dial
from asc.demo.introduction import Introduction
from asc.demo.lookups import Lookups
from asc.demo.noisy_descent import NoisyDescent
from asc.demo.page import Page, Scene, Tempo
from asc.demo.programs import chain, collatz
from asc.demo.race import Race
from asc.demo.runs import WatchedRun
from asc.demo.where_next import Installed, WhereNext

_FASTEST = 10  # times the normal speed, at most, where steps are timed: speculation itself does not become faster
_AGAIN = "again, quickly, since page 2 was left before its end"
_HERE = "here, quickly, since page 2 was not visited"


class Tour:
    """Creates the scenes, and remembers the runs that later pages show."""

    def __init__(self, installed: Installed, added: Sequence[Page] = ()) -> None:
        """`added` are pages of plugins, which come before the last one."""
        self._installed, self._added = installed, added
        self._race: Race | None = None  # of page 2
        self._rerun: Race | None = None  # of page 7, where the race of page 2 was not run to its end
        self._runs: list[WatchedRun] = []

    def pages(self) -> tuple[Page, ...]:
        """Return the pages, first to last."""
        return (
            Page("What speculation is", _WHAT, Introduction),
            Page("Speculation at work", _WORK, self._at_work),
            Page("A program that cannot be predicted", _CHAIN, self._in_vain),
            Page("One dial from order to chaos", _DIAL, self._dial),
            Page("Only what was read matters", _CACHE, Lookups),
            Page("Candidates that are judged", _JUDGED, NoisyDescent),
            Page("Honest counting", _LEDGER, self._counting),
            *self._added,
            Page("Where to go next", _NEXT, lambda _: WhereNext(self._installed, self._runs)),
        )

    def _at_work(self, tempo: Tempo) -> Race:
        self._race = self._count_up(_timed(tempo))
        return self._race

    def _count_up(self, tempo: Tempo) -> Race:
        race = Race(tempo, collatz, {"n": 1, "total": 0}, ("total",), supersteps=80, step_s=0.05)
        self._runs.append(race.speculative)
        return race

    def _in_vain(self, tempo: Tempo) -> Scene:
        race = Race(_timed(tempo), chain, {"block": b"start"}, supersteps=60, step_s=0.03)
        self._runs.append(race.speculative)
        return race

    def _dial(self, tempo: Tempo) -> Scene:
        dial = Dial(_timed(tempo))
        self._runs += dial.runs.values()
        return dial

    def _counting(self, tempo: Tempo) -> Scene:
        if self._race is not None and self._race.over:
            return Counting(self._race, None)
        how = _HERE if self._race is None else _AGAIN
        if self._rerun is not None and self._rerun.over:
            return Counting(self._rerun, None, how)
        self._rerun = self._count_up(tempo.at(_FASTEST))
        return Counting(self._rerun, self._rerun.play, how)


def _timed(tempo: Tempo) -> Tempo:
    """Return this tempo, or the fastest at which steps can be timed."""
    return tempo.at(min(tempo.speed, _FASTEST))


_WHAT = """\
A program is a walk: x, f(x), f(f(x)), one step after the other. Here f(x) = 3x + 1. Steps can be skipped only like \
this: a predictor predicts a later state, a worker runs on from it, and the program then arrives at the same bits."""

_WORK = """\
For n = 1, 2, 3 and so on, the program counts the steps of the Collatz map from n to 1. Two workers run ahead from \
predicted values of n. Each cell is four steps. A cell »» was leapt over: a worker had run it already, from the right \
n."""

_CHAIN = """\
A chain of SHA-256: each block is the hash of the block before. Every prediction is wrong. After a few of them asc \
stops speculating, and tries again less and less often. Look at the cost: the program is hardly slower."""

_DIAL = """\
The map x → r x (1 - x) is one program with one dial, r. Nothing is predicted here: the run remembers its own steps. \
Where x comes back, bit for bit, it leaps over all the rest. In chaos x never comes back; 3.83 is an island of order."""

_CACHE = """\
One superstep was run and stored, with the state words (named values) that it read. It is found again from every \
state in which these words have the same bits. In each row the bold word was changed. 26.0 has other bits than 26."""

_JUDGED = """\
Training in miniature: a noisy descent. No predicted weights are right to the last bit. So a validator compares \
held-out losses and accepts what is better beyond the noise. Of several accepted candidates the best is taken."""

_LEDGER = """\
The seconds of page 2, with all predicting, sending, waiting and checking. The plain run was timed beside it, so the \
speed-up is what remains after all costs."""

_NEXT = """\
The same engine runs real programs and trains networks."""
