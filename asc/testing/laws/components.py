"""The laws that predictors, recognizers and validators have in common: each is asked, over and over."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, ClassVar, NamedTuple
from unittest import SkipTest

from asc.computation import Stateful
from asc.testing.checks import require
from asc.testing.contents import contents
from asc.testing.effort import cost
from asc.testing.growth import grows, memory, work
from asc.testing.laws.base import Laws

_AHEAD = 3  # occasions by which another instance is ahead of the one that is looked at


class Series(NamedTuple):
    """Occasions on which a component is asked one after another, as in a run; the same each time they are made."""

    name: str
    occasions: Callable[[int], Iterator[Any]]  # so many of them
    usual: int  # that a law looks at
    long: int  # the same for laws about growth


class ComponentLaws(Laws):
    """What predictors, recognizers and validators promise alike; subclass the laws of one of them."""

    may_hold = 4 * 1024
    """Bytes by which what it holds may grow over the second half of a long series: less than a number a call."""

    _deed: ClassVar[str]  # what it does when it is asked

    def test_leaves_global_randomness_alone(self) -> None:
        """Whoever speculates draws from generators of its own: a run with it must draw what one without it draws.

        If it fails: make a generator in the constructor, with a seed from the settings.
        """
        for series in self._series():
            component = self._component()
            for occasion in series.occasions(series.usual):
                before = self.global_randomness()
                self._asked(component, occasion)
                require(self.global_randomness() == before, f"it drew from a global generator, on {series.name}")

    def test_same_input_same_answer(self) -> None:
        """Two of the same settings that have seen the same give the same answers: runs can be repeated.

        If it fails: something beside what it is given decides, such as a clock, id(), unseeded chance, or what another
        instance has left in the class. (The order of a set is another one in another process, and none that is seen
        here: sort what you take from one.)
        """
        for series in self._series():
            answers = []
            for seed, component in enumerate((self._component(), self._component()), 1):
                with self.shaken(seed):
                    answers.append([self._asked(component, occasion) for occasion in series.occasions(series.usual)])
            require(answers[0] == answers[1], f"two fresh ones gave different answers on {series.name}")

    def test_instances_are_isolated(self) -> None:
        """Two of them share nothing: what one is asked makes no difference to what the other answers.

        If it fails: something is kept in the class or the module; keep it in the instance.
        """
        for series in self._series():
            alone, among, other = self._component(), self._component(), self._component()
            expected = [self._asked(alone, occasion) for occasion in series.occasions(series.usual)]
            found = []
            ahead = islice(series.occasions(series.usual + _AHEAD), _AHEAD, None)
            for occasion, elsewhere in zip(series.occasions(series.usual), ahead, strict=True):
                self._asked(other, elsewhere)
                found.append(self._asked(among, occasion))
            require(found == expected, f"beside another instance it gave other answers on {series.name}")

    def test_state_goes_through_a_checkpoint(self) -> None:
        """A state is made of what a checkpoint holds, and whoever has loaded it goes on as the one that it is of.

        That is dictionaries with strings for keys, lists, what JSON holds, and arrays. If it fails: turn keys into
        strings and sets into lists, and back in load_state_dict; and save all that the answers depend on.
        """
        for series in self._series():
            one, other = self._stateful(), self._stateful()
            for number, occasion in enumerate(series.occasions(series.usual)):
                if number == series.usual // 2:
                    other.load_state_dict(self.saved(one.state_dict()))
                said = self._asked(one, occasion)
                if number >= series.usual // 2:
                    same = self._asked(other, occasion) == said
                    require(same, f"on {series.name} one that had loaded its state gave another answer")

    def test_state_is_a_copy(self) -> None:
        """A state that was taken stays as it is, whatever its component is asked then.

        If it fails: copy lists, dictionaries and arrays in state_dict().
        """
        for series in self._series():
            component, occasions = self._stateful(), series.occasions(series.usual)
            for occasion in islice(occasions, series.usual // 2):
                self._asked(component, occasion)
            state = component.state_dict()
            held = contents(state)
            for occasion in occasions:
                self._asked(component, occasion)
            shared = "what state_dict() had returned changed as the component went on: it is shared, and not copied"
            require(contents(state) == held, shared)

    def test_work_does_not_grow(self) -> None:
        """A call late in a long run does no more work than one early in it: a run has thousands of boundaries.

        Counted in Python's instructions, not in seconds. If it fails: keep to what you are given, which is bounded, to
        the last few values, or to sums that you update, rather than going through everything that you have ever seen.
        """
        for series in self._series()[:2]:
            early, late = work(series.occasions(series.long), series.long, self._call())
            grown = f"on {series.name} a call took {early:,} instructions early in the run and {late:,} at its end"
            require(not grows(early, late), grown)

    def test_memory_does_not_grow(self) -> None:
        """What it holds is bounded, however long the run.

        If it fails: forget the oldest; where it remembers up to a bound, make it with a small one, or set `may_hold`.
        """
        for series in self._series()[:2]:
            grown = memory(series.occasions(series.long), series.long, self._call(), self.held_elsewhere)
            growth = f"on {series.name} it held {grown:,} bytes more at the end of a long run than at its middle"
            require(grown <= self.may_hold, growth)

    def test_cost_is_reported(self, record_property: Callable[[str, object], None]) -> None:
        """Time and memory of a call are reported, and never judged: what they are worth is for a run to say.

        Run pytest with `-p asc.testing.pytest_plugin` to see them. If it fails: it raised; see test_raises_nothing.
        """
        for series in self._series():
            call = self._call()
            calls = (partial(call, occasion) for occasion in series.occasions(series.usual))
            record_property(f"{self._deed} on {series.name}", tuple(cost(calls)))

    def _component(self) -> Any:
        """Make the component, a fresh one each time."""
        raise NotImplementedError

    def _series(self) -> Sequence[Series]:
        """The series of occasions to ask it on."""
        raise NotImplementedError

    def _asked(self, component: Any, occasion: Any) -> Hashable:
        """Ask it all that a run asks on an occasion; return a key of its answers. Raises AssertionError in a line."""
        raise NotImplementedError

    def _call(self) -> Callable[[Any], object]:
        """Return one call on each occasion, of a fresh component, for what a call takes."""
        return partial(self._asked, self._component())

    def _stateful(self) -> Stateful:
        component = self._component()
        if not isinstance(component, Stateful):
            raise SkipTest("it has no state_dict() and load_state_dict(), so there is no state to keep")
        return component
