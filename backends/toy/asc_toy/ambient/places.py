"""Where code finds values: the names of modules and classes, and what a place is called in a sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple


class Place(NamedTuple):
    """Where a value is: `account.balance`, where `account` is a global of `bank`."""

    root: str
    origin: str  # of the root: "a global of `bank`"
    path: str = ""  # from the root: ".balance"

    def __str__(self) -> str:
        if not self.path:
            return f"`{self.root}`, {self.origin}"
        return f"`{self.root}{self.path}`, where `{self.root}` is {self.origin}"

    def attribute(self, name: str) -> Place:
        """Return the place of an attribute of what is here."""
        return self._replace(path=f"{self.path}.{name}")


class Space:
    """The names of a module or a class, as far as code reaches them."""

    def __init__(
        self, names: Mapping[str, Any], origin: str, *, is_users: bool, is_class: bool = False, is_loose: bool = False
    ) -> None:
        self.names, self.is_users, self.is_class = names, is_users, is_class
        self.is_loose = is_loose or is_class  # whether no module has these names
        self.is_open = is_class  # whether code reaches the module or class itself, and so all of its attributes
        self.watched: dict[str, Any] = {}  # what the names stand for
        self.assigned: set[str] = set()  # names of a module that code assigns, and that there are not yet
        self._origin = origin
        self._reached: set[str] = set()

    def place(self, name: str) -> Place:
        """Return the place of a name."""
        return Place(name, self._origin)

    def reach(self, name: str) -> bool:
        """Note that code reaches a name; return whether that is new and there is such a name."""
        new = name not in self._reached and name in self.names
        self._reached.add(name)
        return new

    def unreached(self, attributes: Collection[str], *, every: bool) -> list[str]:
        """Return names that code may find here by these attributes, or by any, and that are not reached yet."""
        if every and self.is_users:
            found = [name for name in self.names if self.is_class or not _is_special(name)]
        else:
            found = [name for name in attributes if name in self.names]
            found += [name for name in self.names if _is_special(name) and (self.is_class or name == "__getattr__")]
        return [name for name in found if name not in self._reached and not _is_kept_by_python(name)]


def _is_special(name: str) -> bool:
    """Whether Python itself asks for a name."""
    return name.startswith("__") and name.endswith("__")


def _is_kept_by_python(name: str) -> bool:
    """Whether Python keeps something of its own under a name."""
    return name in _DATA or (name[:1] == name[-1:] == "_" and not _is_special(name))


_DATA = frozenset(
    {
        *("__dict__", "__doc__", "__module__", "__weakref__", "__slots__", "__annotations__", "__qualname__"),
        *("__dataclass_fields__", "__dataclass_params__", "__match_args__", "__abstractmethods__", "__parameters__"),
        *("__orig_bases__", "__static_attributes__", "__firstlineno__", "__annotate__", "__conditional_annotations__"),
    }
)
