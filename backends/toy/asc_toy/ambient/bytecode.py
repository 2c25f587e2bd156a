"""What a code object names: globals, attributes and modules, and whether it makes sets or deletes attributes."""

from __future__ import annotations

import dis
import operator
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from types import CodeType
from typing import Any, NamedTuple

_OPS = dis.opmap
_EXTENDED, _CACHE = _OPS["EXTENDED_ARG"], _OPS["CACHE"]
_LOAD_CONST, _CONTAINS, _BINARY = _OPS["LOAD_CONST"], _OPS["CONTAINS_OP"], _OPS["BINARY_OP"]
_ATTRIBUTE_SHIFT = int(sys.version_info >= (3, 12))
_SET_OPERATORS = frozenset(arg for arg, (_, sign) in enumerate(dis._nb_ops) if sign.rstrip("=") in {"&", "|", "^"})  # type: ignore[attr-defined]

_NAMES = {  # operation: kind of the name, and by how many bits its argument is shifted
    "LOAD_GLOBAL": ("load", 1),
    "LOAD_NAME": ("load", 0),
    "LOAD_FROM_DICT_OR_GLOBALS": ("load", 0),
    "STORE_GLOBAL": ("store", 0),
    "DELETE_GLOBAL": ("store", 0),
    "LOAD_ATTR": ("attribute", _ATTRIBUTE_SHIFT),
    "LOAD_METHOD": ("attribute", 0),
    "LOAD_SUPER_ATTR": ("attribute", 2),
    "IMPORT_FROM": ("attribute", 0),
    "STORE_ATTR": ("assigned", 0),
    "DELETE_ATTR": ("deleted", 0),
    "IMPORT_NAME": ("import", 0),
}
_KINDS = {_OPS[name]: kind for name, kind in _NAMES.items() if name in _OPS}
_MAKE_SETS = frozenset(_OPS[name] for name in ("BUILD_SET", "SET_ADD", "SET_UPDATE"))
_STORE_OUTER = frozenset(_OPS[name] for name in ("STORE_DEREF", "DELETE_DEREF"))
_MATCH_CLASS = _OPS["MATCH_CLASS"]
_TUPLE, _POP = _OPS["BUILD_TUPLE"], _OPS["POP_TOP"]
_LOCAL = frozenset(_OPS[name] for name in ("LOAD_FAST", "LOAD_FAST_BORROW") if name in _OPS)
_STORE_LOCAL = frozenset(op for name, op in _OPS.items() if "STORE_FAST" in name)
_CALL = frozenset(_OPS[name] for name in ("PRECALL", "CALL") if name in _OPS)
_WITH = _OPS["WITH_EXCEPT_START"]
_HANDLER, _CAUGHT, _GROUP = _OPS["PUSH_EXC_INFO"], _OPS["CHECK_EXC_MATCH"], _OPS["CHECK_EG_MATCH"]


_BY_NAME = frozenset(
    {
        *("getattr", "setattr", "delattr", "vars", "attrgetter", "methodcaller", "getmembers"),
        *("__dict__", "__getattribute__"),
    }
)
"""With these, code reaches attributes that it does not name."""

_BY_TEXT = frozenset(
    {
        *("eval", "exec", "globals", "__import__", "import_module", "modules", "_getframe", "currentframe"),
        "__globals__",
    }
)
"""With these, code reaches globals that it does not name."""

_DELETING = frozenset({"delattr", "exec", "eval", "vars", "__dict__", "__delattr__"})
_HASHING = frozenset(
    {"set", "frozenset", "hash", "id", "intersection", "union", "difference", "symmetric_difference", "__hash__"}
)
_REMAKING = frozenset({"__defaults__", "__kwdefaults__", "__code__", "setattr"})
_NARROW = frozenset(
    {
        *("ArithmeticError", "AssertionError", "FloatingPointError", "IndexError", "KeyError", "LookupError"),
        *("OverflowError", "StopIteration", "UnicodeDecodeError", "UnicodeEncodeError", "ZeroDivisionError"),
    }
)
"""Errors that no function raises because it was given an object of another type."""

_VIEWS = frozenset({"keys", "items"})  # `a.keys() & b.keys()` is a set


class Named(NamedTuple):
    """What code names."""

    loads: frozenset[str] = frozenset()  # globals
    used: frozenset[str] = frozenset()  # globals that are not only the right side of `in`
    applied: frozenset[str] = frozenset()  # globals that are not only called with the object of a special method
    stores: frozenset[str] = frozenset()  # globals that are assigned or deleted
    attributes: frozenset[str] = frozenset()  # that are read, and names that are imported from a module
    assigned: frozenset[str] = frozenset()  # attributes that are assigned
    deleted: frozenset[str] = frozenset()  # attributes
    imports: frozenset[str] = frozenset()  # modules
    outer: frozenset[str] = frozenset()  # variables of enclosing functions that are assigned or deleted
    sets: bool = False  # whether sets are made or combined
    patterns: bool = False  # whether a class pattern reads attributes that are not named here
    catches: bool = False  # whether an error is caught that another type of an argument may cause
    goes_on: bool = False  # whether something is done whatever is raised: `except BaseException`, `except:`, `finally`

    def __or__(self, other: Named) -> Named:
        pairs: Any = zip(self, other, strict=True)
        return Named(*(mine | theirs for mine, theirs in pairs))

    @property
    def names(self) -> frozenset[str]:
        """The names of globals and attributes."""
        return self.loads | self.stores | self.attributes | self.assigned | self.deleted

    @property
    def names_applied(self) -> frozenset[str]:
        """The same, but for globals that are only called with the object of a special method, as in `type(self)`."""
        return self.applied | self.stores | self.attributes | self.assigned | self.deleted

    @property
    def by_name(self) -> bool:
        """Whether the code may reach attributes that it does not name."""
        return self.patterns or not self.names.isdisjoint(_BY_NAME)

    @property
    def by_text(self) -> bool:
        """Whether the code may reach globals that it does not name."""
        return not self.names.isdisjoint(_BY_TEXT)

    @property
    def deletes(self) -> bool:
        """Whether the code may delete attributes."""
        return bool(self.deleted) or not self.names.isdisjoint(_DELETING)

    @property
    def rebinds(self) -> bool:
        """Whether the code assigns globals, or variables of enclosing functions."""
        return bool(self.stores or self.outer or "globals" in self.loads)

    @property
    def hashes(self) -> bool:
        """Whether results may depend on the order of a set that the code makes, or on a hash."""
        return self.sets or not self.names.isdisjoint(_HASHING)

    @property
    def remakes_functions(self) -> bool:
        """Whether the code may give functions other defaults or other code."""
        return not self.names.isdisjoint(_REMAKING)

    def within(self, method: str) -> Named:
        """Leave out what a special method of this name does in its own class only: `hash` in `__hash__`, and so on."""
        if method == "__hash__":  # a dict does not show what it returns
            return self._replace(loads=self.loads - _HASHING)
        return self._replace(attributes=self.attributes - {"__delattr__"}) if method == "__delattr__" else self


@lru_cache(maxsize=4096)
def named_in(code: CodeType) -> Named:
    """Return what a code object and the code within it name."""
    own = _named(code)
    inner = [named_in(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    found = reduce(operator.or_, inner, own)
    return found._replace(outer=found.outer & frozenset(code.co_freevars))


def _named(code: CodeType) -> Named:
    names: dict[str, set[str]] = {kind: set() for kind, _ in _NAMES.values()}
    used, applied, outer = set[str](), set[str](), set[str]()
    sets = patterns = False
    catches, goes_on = "suppress" in code.co_names, "BaseException" in code.co_names
    loaded, constant = "", False  # the global that the last instruction has loaded; whether it has loaded a set
    listed: list[str] = []  # globals that the last instructions have loaded, one after the other
    before = 0
    instructions = [*_instructions(code)]
    is_special = code.co_name[:2] == code.co_name[-2:] == "__" and code.co_argcount > 0
    keeps_own = is_special and _STORE_LOCAL.isdisjoint(op for op, _ in instructions)
    for at, (op, arg) in enumerate(instructions):
        if op != _CONTAINS:
            used.add(loaded)
            sets |= constant
        loaded, constant = "", op == _LOAD_CONST and type(code.co_consts[arg]) is frozenset
        if op == _CAUGHT:
            catches |= not (listed and _NARROW.issuperset(listed))
        goes_on |= op == _HANDLER and not _asks_what_was_raised(instructions[at + 1 :])
        catches |= op == _GROUP or (op == _POP and before == _HANDLER)  # the second is an `except:`
        if op in _KINDS:
            kind, shift = _KINDS[op]
            name = code.co_names[arg >> shift]
            names[kind].add(name)
            loaded = name if kind == "load" else ""
            if kind == "load":
                listed.append(name)
                if not (keeps_own and _takes_own(instructions[at + 1 : at + 3])):
                    applied.add(name)
        elif op in _STORE_OUTER:
            outer.add(_outer_name(code, arg))
        sets |= op in _MAKE_SETS or (op == _BINARY and arg in _SET_OPERATORS and not _VIEWS.isdisjoint(code.co_names))
        patterns |= op == _MATCH_CLASS
        if not (loaded or op == _TUPLE):
            listed.clear()
        before = op
    keys = ("load", "store", "attribute", "assigned", "deleted", "import")
    loads, stores, attributes, assigned, deleted, imports = (frozenset(names[key]) for key in keys)
    return Named(
        loads,
        frozenset(used - {""}),
        frozenset(applied),
        stores,
        attributes,
        assigned,
        deleted,
        imports,
        frozenset(outer - {""}),
        sets,
        patterns,
        catches,
        goes_on,
    )


def _instructions(code: CodeType) -> Iterator[tuple[int, int]]:
    raw, high = code.co_code, 0
    for at in range(0, len(raw), 2):
        op, arg = raw[at], raw[at + 1] | high
        if op == _EXTENDED:
            high = arg << 8
        elif op != _CACHE:
            high = 0
            yield op, arg


def _asks_what_was_raised(handler: Sequence[tuple[int, int]]) -> bool:
    """Whether a handler is that of a `with`, or begins by asking for the class of the exception."""
    first = next((op for op, _ in handler if not (op in _KINDS or op in _LOCAL or op == _TUPLE)), None)
    return first in (_CAUGHT, _GROUP, _WITH)


def _takes_own(following: Sequence[tuple[int, int]]) -> bool:
    """Whether the instructions call something with the first argument of the function alone."""
    (load, which), (call, count) = (*following, (0, 0), (0, 0))[:2]
    return load in _LOCAL and which == 0 and call in _CALL and count == 1


def _outer_name(code: CodeType, arg: int) -> str:
    """Return the name of a free variable; "" for a variable of the function itself."""
    own = code.co_varnames + tuple(name for name in code.co_cellvars if name not in code.co_varnames)
    return code.co_freevars[arg - len(own)] if arg >= len(own) else ""
