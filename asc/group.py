"""The processes that run one computation together. By default there is one."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class Group:
    """This process alone. A backend whose computation runs in several processes at once extends it.

    All processes of a group take the same steps and call these methods in the same order. What the clock or a person
    decides comes from the first process, so that they stay together.
    """

    @property
    def count(self) -> int:
        """How many processes there are."""
        return 1

    @property
    def command(self) -> tuple[str, ...]:
        """The words that start `asc` in all of the processes."""
        return ("asc",)

    @property
    def first(self) -> bool:
        """Whether this process shows and records the run."""
        return True

    def agree(self, value: T) -> T:
        """Return the first process's value, of strings, numbers, lists and dictionaries, on every process."""
        return value

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on any process."""
        return flag
