"""The ledger: everything is on the clock, and what speculation may still spend follows from it."""

from __future__ import annotations

import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asc.pricing import StepPrice

_BOOKED = ("plain", "spent", "started", "gained", "executed", "skipped", "leaps", "spent_before")
_LONGEST_REST = 64  # supersteps without a boundary, where the clock does not steer
_FREE_S = 5e-3  # seconds that speculation may lose from the start on, so that it is soon known what it gains
_SOON_S = 1.0  # seconds of plain work in which the whole share may be lost: what pays is mostly found in them
_LATER = 0.25  # of the share, that may be lost after them
_RECENT = 0.5  # weight of what was before against a new superstep
_WAITING = 0.2  # of a step's seconds in which the thread computes at most, where the step is said to wait
_MANY = 32  # workers, beside which the main thread's own steps are few
_LONGEST_STRETCH_S = 0.25  # seconds of plain steps in a row, where it does: Ctrl-C waits for their end


class _Work:
    """One kind of work: reads the clock when it begins and when it ends, and books it, also where it raises."""

    __slots__ = ("_book", "_clock", "_kind", "_since")

    def __init__(self, kind: str, clock: Callable[[], float], book: Callable[[str, float], None]) -> None:
        self._kind, self._clock, self._book = kind, clock, book

    def __enter__(self) -> None:
        self._since = self._clock()

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._book(self._kind, self._clock() - self._since)


class Ledger:
    """Time and plain-step equivalents by kind of work.

    `take_price` gives the price of a piece of work in plain steps (`Computation.take_price`). Where `timed` is true,
    the clock steers and the unit of account is the second, since a worker's result is exact whenever it comes.
    Otherwise the unit is the plain step, and the clock decides nothing.

    `plain` is plain progress on the main thread, `spent` what speculation cost the main thread, and `gained` what
    confirmed leaps were worth, all in the unit of account. `started` holds the costs of starting (the first spot check,
    starting workers). They count in every speed-up but are not rationed, since they are paid once.
    """

    def __init__(
        self,
        take_price: Callable[[str], float],
        *,
        timed: bool,
        overdraft: float = 0.03,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._take_price, self._timed, self._overdraft, self.clock = take_price, timed, overdraft, clock
        self._accounts: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0])  # seconds, steps, count
        self._works: dict[str, _Work] = {}  # made once for each kind: an idle boundary is a few microseconds
        self.processor = time.thread_time if clock is time.perf_counter else clock
        """The clock of this thread's computing; where time is not that of the machine, all of it."""
        self.workers = 0
        """Workers beside the main thread."""
        self._computed = self._passed = 0.0  # seconds of recent plain steps: those of computing, and all
        self._unit = 0.0 if timed else 1.0  # price of one plain step
        self.plain = self.spent = self.started = self.gained = 0.0
        self._price = StepPrice()
        self.spent_before = 0.0  # what had been spent when `rest` was last asked
        self.executed = 0  # steps taken by the main thread
        self.skipped = 0
        self.leaps = 0

    @property
    def unit(self) -> float:
        """The recent price of one plain, untracked step in the unit of account: seconds (0 while unknown), or 1."""
        return self._unit

    @property
    def tracking(self) -> float:
        """How many times as long as plain steps a recorded superstep takes, at least."""
        return self._price.tracking

    @property
    def serving(self) -> bool:
        """Whether the main thread had better serve the workers than take steps by itself.

        Either plain steps mostly wait, such as for an answer over a network, rather than compute. Or there are so many
        workers that the main thread's own steps are few of all, and workers without a task are a larger loss.
        """
        waiting = self._passed > 0 and self._computed < _WAITING * self._passed
        return waiting or self.workers >= _MANY

    def work(self, kind: str, *, speculative: bool = True) -> _Work:
        """Book what happens within: `with ledger.work("observe"): …`. Work never contains work of the same kind.

        Work that is neither plain progress nor speculation's, such as writing a checkpoint, is not `speculative`: it is
        booked, and rations nothing.
        """
        if not speculative:
            return _Work(kind, self.clock, self.book)
        work = self._works.get(kind)
        if work is None:
            work = self._works[kind] = _Work(kind, self.clock, self.charge)
        return work

    def charge(self, kind: str, seconds: float) -> None:
        """Book speculative work that took so many seconds."""
        account = self._accounts[kind]
        account[0] += seconds
        account[2] += 1
        if self._timed:
            account[1] += seconds / self._unit if self._unit else 0.0
            self.spent += seconds
        else:
            steps = self._take_price(kind)
            account[1] += steps
            self.spent += steps

    def start(self, kind: str, seconds: float) -> None:
        """Book the cost of starting, which is paid once and not rationed."""
        steps = 0.0 if self._timed else self._take_price(kind)
        self.book(kind, seconds, steps)
        self.started += seconds if self._timed else steps

    def progress(
        self,
        steps: int,
        seconds: float,
        tracked: bool = False,
        computed: float | None = None,
        *,
        usual: bool = True,
    ) -> None:
        """Book plain steps. Where they were tracked, the cost beyond the plain price is speculation's.

        `computed` are the seconds in which the thread computed; by default all. Steps that are not `usual` say nothing
        about the price of the next ones.
        """
        self.executed += steps
        self._computed = _RECENT * self._computed + (seconds if computed is None else computed)
        self._passed = _RECENT * self._passed + seconds
        if self._timed and steps and usual:
            self._price.note(steps, seconds, tracked)
            self._unit = self._price.step
        charged = self._price.charge(seconds) if tracked else 0.0
        self.plain += seconds - charged if self._timed else steps
        self.spent += charged if self._timed else 0.0
        self.book("plain", seconds - charged, steps)
        if tracked:
            self.book("track", charged, charged / self._unit if self._unit else 0.0)

    def book(self, kind: str, seconds: float, steps: float = 0.0) -> None:
        """Add to an account, and to nothing else."""
        account = self._accounts[kind]
        account[0] += seconds
        account[1] += steps
        account[2] += 1

    def leap(self, steps: int, gain_steps: float) -> None:
        """Book a confirmed leap: `steps` skipped, worth `gain_steps` plain steps."""
        self.leaps += 1
        self.skipped += steps
        self.gained += gain_steps * self._unit

    def batch(self, leaps: int, skipped: int, steps: int, seconds: float) -> None:
        """Book the leaps of a backend that leaps by itself, beside so many plain steps that took so long.

        Those show what a step costs. The recent price may lag behind, since batches are few and large.
        """
        self.leaps += leaps
        self.skipped += skipped
        self.gained += skipped * (seconds / steps if self._timed and steps else self._unit)

    def allowance(self) -> float:
        """What speculation may still cost before its loss exceeds the overdraft, in the steering unit."""
        return self.gained + self.overdraft() - self.spent

    def overdraft(self) -> float:
        """What speculation may lose in all so far. Where the clock steers, that is less of the share after a while."""
        late = max(0.0, self.plain - _SOON_S) if self._timed else 0.0
        return self.permitted(self.plain - late) + _LATER * self._share(late)

    def permitted(self, plain: float) -> float:
        """What speculation may lose at most in so much plain work, for instance at once in the work that is left.

        Where steps wait, it may lose one of them: a wrong candidate costs a part of it, and is soon known.
        """
        free = max(_FREE_S, self._unit if self.serving else 0.0)
        return self._share(plain) + free if self._timed else self._share(plain)

    def _share(self, plain: float) -> float:
        return self._overdraft * plain if plain else 0.0  # a shadow run permits inf, and inf * 0 is nan

    def rest(self, superstep: int, wanted: float = 0.0) -> int:
        """Return how many supersteps of plain work pay back what speculation has lost; 1 where it has lost nothing.

        Asked once a boundary: the work is to pay for another boundary like the last one as well, and leave something.
        Where more is `wanted` than the allowance, it is to pay for that too: else boundaries use up what one of them
        needs for more than looking.
        """
        before = self.spent_before
        self.forget_latest()
        latest = max(0.0, self.spent_before - before)
        owed, price = wanted - self.allowance(), superstep * self._unit
        if owed < 0 or not price:
            return 1
        owed += 2 * latest
        share = self._overdraft * (_LATER if self._timed and self.plain > _SOON_S else 1.0)
        paid_back = owed / (share * price) + 1 if share else math.inf
        return max(1, int(min(sys.maxsize if self._timed else _LONGEST_REST, paid_back)))

    def forget_latest(self) -> None:
        """Let what has been spent since `rest` was last asked not be expected of the next boundary.

        Where the clock steers, what is spent counts less what is gained: to wait for a worker's leap is no loss.
        """
        self.spent_before = self.spent - self.gained if self._timed else self.spent

    def stretch(self) -> int:
        """Return how many plain steps to take in a row at most, so that the run can be stopped soon.

        They are no more than were taken before, since the first steps may be much quicker than those that follow.
        """
        if not self._timed:
            return sys.maxsize
        return max(1, min(self.executed, int(_LONGEST_STRETCH_S / self._unit) if self._unit else 0))

    def state_dict(self) -> dict[str, Any]:
        """Return what has been booked. The price of a step is not among it: a clock's is found anew."""
        return {"accounts": self.accounts()} | {name: getattr(self, name) for name in _BOOKED}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._accounts.clear()
        for kind, account in state["accounts"].items():
            self._accounts[kind] = [account["seconds"], account["steps"], account["count"]]
        for name in _BOOKED:
            setattr(self, name, state[name])

    def speedup(self) -> float:
        """Estimated from the price of plain steps; a paired plain run is what measures it."""
        plain = self.plain + self.gained
        paid = self.plain + self.spent + self.started
        return plain / paid if plain > 0 and paid > 0 else 1.0

    def recording(self, steps: int) -> float:
        """Return what tracking so many steps will cost beyond their plain price; 0 before it was tried."""
        return (self._price.likely - 1) * steps * self._unit

    def cost(self, *kinds: str) -> float:
        """Return what these kinds of work took in all, in the unit of account."""
        return sum(self._accounts.get(kind, (0.0, 0.0, 0))[0 if self._timed else 1] for kind in kinds)

    def count(self, kind: str) -> int:
        """Return how often this kind of work was done."""
        return int(self._accounts.get(kind, (0.0, 0.0, 0))[2])

    def price(self, kinds: Sequence[str], per: str) -> float:
        """Return what these kinds of work took, in plain steps, for each piece of the kind `per`."""
        count = self._accounts.get(per, (0.0, 0.0, 0))[2]
        return sum(self._accounts.get(kind, (0.0, 0.0, 0))[1] for kind in kinds) / count if count else 0.0

    def share(self, *kinds: str) -> float:
        """Return what these kinds of work took in all, relative to the plain work."""
        return self.cost(*kinds) / self.plain if self.plain else 0.0

    def accounts(self) -> dict[str, dict[str, float]]:
        """Return seconds, plain-step equivalents and count of every kind of work so far."""
        return {
            kind: {"seconds": seconds, "steps": steps, "count": count}
            for kind, (seconds, steps, count) in list(self._accounts.items())  # workers may be starting in a thread
        }
