"""The laws that predictors, recognizers and validators have in common: a run asks each of them over and over."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, ClassVar, NamedTuple
from unittest import SkipTest

from asc import answers
from asc.errors import AscError
from asc.settings import Configurable
from asc.testing.checks import require
from asc.testing.contents import contents
from asc.testing.effort import cost, grows, memory, work
from asc.testing.laws.base import Laws, conformed, form

_AHEAD = 3  # occasions by which another instance is ahead of the instance that a law looks at


class Series(NamedTuple):
    """Occasions on which a component is asked, in the order of a run; the same each time they are made."""

    name: str
    occasions: Callable[[int], Iterator[Any]]  # so many of them
    usual: int  # number of occasions that a law looks at
    long: int  # the same for laws about growth


class ComponentLaws(Laws):
    """What predictors, recognizers and validators promise alike; subclass the laws of one of them."""

    may_hold = 4 * 1024
    """Bytes by which its memory may grow over the second half of a long series: less than a number a call."""

    _kind: ClassVar[str]  # also the name of the method that makes the component
    _deed: ClassVar[str]  # what it does when a run asks it

    @form
    def test_fits_its_kind(self) -> None:
        """A component has the methods and attributes of its kind, under the names by which a run uses them.

        If it fails: the sentence names the method or attribute, and what to write instead.
        """
        try:
            conformed(self._kind, self._made())
        except AscError as error:
            raise AssertionError(str(error)) from None

    def test_leaves_global_randomness_alone(self) -> None:
        """A component draws nothing from the generators that all code shares: it would change what others draw.

        If it fails: make a generator of your own in the constructor, with a seed from the settings.
        """
        for series in self._series():
            component = self._component()
            for occasion in series.occasions(series.usual):
                before = self.global_randomness()
                self._answer(component, occasion)
                require(self.global_randomness() == before, f"it drew from a global generator, on {series.name}")

    def test_same_input_same_answer(self) -> None:
        """Two instances with the same settings that have seen the same give the same answers: runs can be repeated.

        If it fails: something other than its input decides, such as a clock, id(), unseeded chance, or what another
        instance has left in the class. (The order of a set differs between processes only, which no law sees: sort what
        you read from a set.)
        """
        for series in self._series():
            answers = []
            for seed, component in enumerate((self._component(), self._component()), 1):
                with self.seeded(seed):
                    answers.append([self._answer(component, occasion) for occasion in series.occasions(series.usual)])
            require(answers[0] == answers[1], f"two new instances gave different answers on {series.name}")

    def test_instances_are_isolated(self) -> None:
        """Instances share nothing: a question to one of them does not change the answers of another.

        If it fails: something is kept in the class or the module; keep it in the instance.
        """
        for series in self._series():
            alone, among, other = self._component(), self._component(), self._component()
            expected = [self._answer(alone, occasion) for occasion in series.occasions(series.usual)]
            found = []
            ahead = islice(series.occasions(series.usual + _AHEAD), _AHEAD, None)
            for occasion, another in zip(series.occasions(series.usual), ahead, strict=True):
                self._answer(other, another)
                found.append(self._answer(among, occasion))
            require(found == expected, f"beside another instance it gave other answers on {series.name}")

    def test_state_goes_through_a_checkpoint(self) -> None:
        """A checkpoint can hold a component's state, and an instance that has loaded it continues as the saved one.

        A state consists of dictionaries with string keys, lists, what JSON holds, and arrays. If it fails: turn keys
        into strings and sets into lists, and back in load_state_dict; and save everything that the answers depend on.
        """
        for series in self._series():
            saved, loaded = self._stateful(), self._stateful()
            for number, occasion in enumerate(series.occasions(series.usual)):
                if number == series.usual // 2:
                    loaded.load_state_dict(self.saved(_state(saved)))
                answer = self._answer(saved, occasion)
                if number >= series.usual // 2:
                    same = self._answer(loaded, occasion) == answer
                    require(same, f"on {series.name} an instance that had loaded its state gave another answer")

    def test_state_is_a_copy(self) -> None:
        """A saved state never changes, whatever the component is asked afterwards.

        If it fails: copy lists, dictionaries and arrays in state_dict().
        """
        for series in self._series():
            component, occasions = self._stateful(), series.occasions(series.usual)
            for occasion in islice(occasions, series.usual // 2):
                self._answer(component, occasion)
            state = _state(component)
            before = contents(state)
            for occasion in occasions:
                self._answer(component, occasion)
            shared = "what state_dict() had returned changed as the component continued: it is shared, not copied"
            require(contents(state) == before, shared)

    def test_work_does_not_grow(self) -> None:
        """A call late in a long run does no more work than an early one: a run has thousands of boundaries.

        Counted in Python's instructions, not in seconds. If it fails: use what you are given, which is bounded, or the
        last few values, or sums that you update, rather than going through everything that was ever seen.
        """
        for series in self._series()[:2]:
            early, late = work(series.occasions(series.long), series.long, self._call())
            grown = f"on {series.name} a call took {early:,} instructions early in the run and {late:,} at its end"
            require(not grows(early, late), grown)

    def test_memory_does_not_grow(self) -> None:
        """The memory of a component is bounded, however long the run.

        If it fails: forget the oldest. A component that remembers up to a bound is made with a small one here, or given
        a larger `may_hold`.
        """
        for series in self._series()[:2]:
            grown = memory(series.occasions(series.long), series.long, self._call(), self.held_elsewhere)
            growth = f"on {series.name} it held {grown:,} bytes more at the end of a long run than at its middle"
            require(grown <= self.may_hold, growth)

    def test_cost_is_reported(self, record_property: Callable[[str, object], None]) -> None:
        """Time and memory of a call are reported, and never judged: whether they pay depends on the run.

        Run pytest with `-p asc.testing.pytest_plugin` to see them. If it fails: it raised; see test_raises_nothing.
        """
        for series in self._series():
            call = self._call()
            calls = (partial(call, occasion) for occasion in series.occasions(series.usual))
            record_property(f"{self._deed} on {series.name}", tuple(cost(calls)))

    def _made(self) -> Any:
        """Make the component, a fresh one each time."""
        return getattr(self, self._kind)()

    def _component(self) -> Any:
        """Make the component with the defaults of the base of its kind, as a run does."""
        __tracebackhide__ = True
        try:
            return conformed(self._kind, self._made())
        except AscError as error:
            raise AssertionError(f"{error}; see test_fits_its_kind") from None

    def _series(self) -> Sequence[Series]:
        """The series of occasions to ask it on."""
        raise NotImplementedError

    def _answer(self, component: Any, occasion: Any) -> Hashable:
        """Ask all that a run asks on an occasion; return a key of the answers. Raises AssertionError in one line."""
        raise NotImplementedError

    def _call(self) -> Callable[[Any], object]:
        """Return a function that asks a fresh component once on an occasion, to measure a call."""
        return partial(self._answer, self._component())

    def _stateful(self) -> Any:
        __tracebackhide__ = True
        component = self._component()
        if type(component).state_dict is Configurable.state_dict:
            raise SkipTest("it does not override state_dict(); if its answers depend on what it has seen, let it do so")
        return component


def _state(component: Any) -> Any:
    __tracebackhide__ = True
    try:
        return answers.learnt("it", component)
    except AscError as error:
        raise AssertionError(str(error)) from None
