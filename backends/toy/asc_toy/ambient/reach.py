"""What functions reach beside their arguments: a walk over globals, closures, defaults, classes and their methods.

The user's own code is walked. The functions of libraries are not; `surroundings` knows their well-known state.
"""

from __future__ import annotations

import builtins
import datetime
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from asc_toy.ambient.bytecode import Named, named_in
from asc_toy.ambient.caches import CACHED, results
from asc_toy.ambient.origin import Origin, is_guarded_library, is_pure
from asc_toy.ambient.places import Place, Space
from asc_toy.ambient.query import Query
from asc_toy.ambient.sources import NOW, asks, is_stream, may_draw_a_seed
from asc_toy.ambient.surroundings import is_known
from asc_toy.ambient.views import PLAIN, View, view_of
from asc_toy.content.objects import is_python_class

_ROWS = PLAIN | {tuple}
_NUMBERS = frozenset({bool, int, float})  # their hashes are the same in every process
_CALLED = (FunctionType, MethodType, type)
_CODE = (FunctionType, type, ModuleType, CACHED)


class Thing(NamedTuple):
    """An object that can change, where functions find it, and how to look at it."""

    place: Place
    value: Any
    view: View
    is_users: bool  # whether the user knows its attributes by name


class Reach:
    """What `functions` reach, and the methods of the classes of `values`."""

    def __init__(self, functions: Sequence[Callable[..., Any]], values: Iterable[Any] = ()) -> None:
        self.spaces: dict[int, Space] = {}
        self.things: list[Thing] = []
        self.roots: list[tuple[Place, Any]] = []  # values that no module and no class has
        self.functions: list[FunctionType] = []  # of the user
        self.caches: list[Any] = []  # functions with `lru_cache`
        self.hindrance = ""  # why nothing can tell whether a step changes what it reaches; a sentence
        self.asks = False  # whether the code, or a library that it calls, may call a function of `sources`
        self.asks_apart = False  # the same, found where no guard replaces it: in a list, or as a method of a class
        self.origin = Origin(functions)
        self._named = Named()
        self._has_dates = self._asks_queries = False
        self._sets: list[Place | None] = []
        self._seen: dict[int, Any] = {}  # by `id`, and kept alive, so that nothing else gets this `id`
        self._of_state: dict[int, Any] = {}  # the same, of values that the code finds in the state
        self._pending: list[tuple[Any, Place | None]] = [(function, _place_of(function)) for function in functions]
        self._pending[:0] = [(value, None) for value in values]
        while self._pending or self._open():
            self._visit(*self._pending.pop())
        self.code = [one for one in self._seen.values() if issubclass(type(one), FunctionType | type)]
        self._conclude()

    def _conclude(self) -> None:
        named = self._named
        self.names, self.assigned, self.deletes, self.rebinds = (
            named.names,
            named.assigned,
            named.deletes,
            named.rebinds,
        )
        sought = named.loads - named.used
        self.hashes = named.hashes or not all(place and not place.path and place.root in sought for place in self._sets)
        self.names_applied = named.names_applied
        self.remakes_functions, self.catches, self.goes_on = named.remakes_functions, named.catches, named.goes_on
        self.catches |= self._asks_queries  # a query may tell a tracked array from a real one
        self.asks_apart |= self._has_dates and not NOW.isdisjoint(named.names)
        for space in self.spaces.values():
            if space.is_open and not space.is_class:
                space.assigned |= named.assigned - space.names.keys()
        if self.caches and "cache_info" in named.names and not self.hindrance:
            name = self.caches[0].__name__
            self.hindrance = (
                f"The step asks for the `cache_info` of `{name}`. That counts calls, and a leap makes none."
            )
        del self._seen, self._of_state  # the state's values are not to be kept alive

    def values(self) -> Iterator[tuple[Place, Any]]:
        """Yield everything that the code finds by a name, with its place."""
        for space in self.spaces.values():
            for name, value in space.watched.items():
                yield space.place(name), value
        yield from self.roots

    def _open(self) -> bool:
        """Reach more names of modules and classes, by the attributes that are known by now."""
        names, by_name, by_text = self._named.names, self._named.by_name, self._named.by_text
        for space in list(self.spaces.values()):
            if space.is_open or by_text:
                for name in space.unreached(names, every=by_name or by_text):
                    self._reach(space, name)
        return bool(self._pending)

    def _reach(self, space: Space, name: str) -> None:
        if not space.reach(name):
            return
        value = space.names[name]
        if asks(value):  # a guard may put another one here
            self.asks = True
            self.asks_apart |= space.is_users and (space.is_loose or is_stream(value))
            return
        if not space.is_users and is_known(value):
            return
        space.watched[name] = value
        self._pending.append((value, space.place(name)))

    def _visit(self, value: Any, place: Place | None) -> None:
        kind = type(value)
        if kind in PLAIN or id(value) in self._seen or (place is None and id(value) in self._of_state):
            return
        if place is None and not issubclass(kind, _CODE):
            self._of_state[id(value)] = value  # it may be reached in another way too, and then it is looked at again
        else:
            self._seen[id(value)] = value
        self.asks |= place is not None and may_draw_a_seed(value)
        if asks(value):
            self.asks_apart = True
        elif is_known(value) or kind is Query:
            self._asks_queries |= kind is Query
        elif issubclass(kind, FunctionType):
            self._visit_function(value)
        elif issubclass(kind, type):
            self._visit_class(value)
        elif issubclass(kind, ModuleType):
            self._space(id(value.__dict__), value.__dict__, value.__name__).is_open = True
        elif issubclass(kind, BuiltinFunctionType):
            if not isinstance(value.__self__, ModuleType | type | None):
                self._pending.append((value.__self__, place))
        elif kind is CACHED:
            self.caches.append(value)
            kept = Place(f"{value.__name__}(...)", "which its cache keeps")
            self._pending += [(value.__wrapped__, place), *((result, kept) for result in results(value))]
        else:
            self._visit_object(value, place)

    def _visit_object(self, value: Any, place: Place | None) -> None:
        kind: Any = type(value)
        view = view_of(kind)
        self._pending.append((kind, None))
        if view.opaque and place is not None and not self.hindrance:
            self.hindrance = (
                f"The step reaches {place}. It is {view.opaque}, and nothing can tell whether a step changes it."
            )
        parts = view.parts(value) if view.parts else ()
        attributes = view.attributes(value) if view.attributes else {}
        is_users = bool(attributes) and self.origin.is_users_name(str(kind.__module__))
        if place is not None and (attributes or view.bits or (view.parts and not view.fixed)):
            self.things.append(Thing(place, value, view, is_users))
        if view.is_sealed:
            self._follow(getattr(value, "__dict__", {}).values())
        kinds = set(map(type, parts))
        if issubclass(kind, set | frozenset) and not kinds <= _NUMBERS:
            self._sets.append(place)
        rest: list[Any] = [part for part in parts if type(part) not in PLAIN] if not kinds <= PLAIN else []
        if not (kinds <= _ROWS and PLAIN.issuperset(map(type, chain.from_iterable(rest)))):
            self._pending += [(part, place) for part in rest]
        for name, part in attributes.items():
            self._pending.append((part, place.attribute(name) if place is not None and is_users else place))

    def _visit_function(self, function: FunctionType) -> None:
        code, names, name = function.__code__, function.__globals__, function.__name__
        module = str(names.get("__name__"))
        if not self.origin.is_users_code(code, module):
            self._call_library(module)
            held = [_contents(cell) for cell in function.__closure__ or ()]
            self._follow([*held, *function.__dict__.values()])
            return
        self.functions.append(function)
        self.asks |= bool(code.co_flags & inspect.CO_COROUTINE)  # it can ask the loop that runs it for its clock
        named = named_in(code)
        self._named |= named.within(name)
        space = self._space(id(names), names, module)
        for loaded in named.loads:
            if loaded in names:
                self._reach(space, loaded)
            else:
                self.asks |= asks(getattr(builtins, loaded, None))
        for stored in named.stores:
            self._reach(space, stored)
        space.assigned |= named.stores - names.keys()
        for imported in named.imports:
            self._import(imported, names)
        around = zip(code.co_freevars, function.__closure__ or (), strict=True)
        self._add_roots(around, f"a variable of the function around `{name}`")
        defaults = function.__defaults__ or ()
        last = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
        given = [*zip(last, defaults, strict=True), *(function.__kwdefaults__ or {}).items()]
        self._add_roots(given, f"a default argument of `{name}`")
        self._add_roots(function.__dict__.items(), f"an attribute of the function `{name}`")

    def _follow(self, held: Iterable[Any]) -> None:
        """Reach the user's functions that a library holds, alone or in a dict."""
        for one in held:
            values = one.values() if isinstance(one, dict) else (one,)
            self._pending += [(value, None) for value in values if issubclass(type(value), _CALLED)]

    def _add_roots(self, named: Iterable[tuple[str, Any]], origin: str) -> None:
        roots = [(Place(name, origin), value) for name, value in named]
        self.roots += roots
        self._pending += [(value, place) for place, value in roots]

    def _visit_class(self, cls: type) -> None:
        self._pending += [(base, None) for base in (*cls.__mro__[1:], type(cls)) if base not in (object, type)]
        if self.origin.is_users_name(str(cls.__module__)):
            space = Space(vars(cls), f"an attribute of the class `{cls.__qualname__}`", is_users=True, is_class=True)
            self.spaces.setdefault(id(cls), space)
        elif issubclass(cls, datetime.date):
            self._has_dates = True
        elif is_python_class(cls):
            self._call_library(str(cls.__module__))

    def _call_library(self, module: str) -> None:
        self.asks |= not is_pure(module)
        self.asks_apart |= not is_guarded_library(module)

    def _space(self, key: int, names: dict[str, Any], module: str) -> Space:
        if key not in self.spaces:
            known = sys.modules.get(module)
            is_users = self.origin.is_users_module(known) if known is not None else True
            origin = "a global of the main program" if module == "__main__" else f"a global of `{module}`"
            is_loose = known is None or known.__dict__ is not names
            self.spaces[key] = Space(names, origin, is_users=is_users, is_loose=is_loose)
        return self.spaces[key]

    def _import(self, name: str, names: dict[str, Any]) -> None:
        """Reach a module that a function imports itself."""
        package = str(names.get("__package__") or "")
        parents = [package.rsplit(".", level)[0] for level in range(package.count(".") + 1)] if package else []
        candidates = [name, name.partition(".")[0], *(f"{parent}.{name}".rstrip(".") for parent in parents)]
        loaded = [sys.modules[candidate] for candidate in candidates if candidate in sys.modules]
        self._pending += [(module, None) for module in loaded]
        if not loaded and not self.hindrance and self.origin.is_users_name(name or package):
            self.hindrance = (
                f"The step imports the module `{name}`, and nothing can tell what that will change. Import it at the "
                "top of the file."
            )


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _place_of(function: Any) -> Place:
    if isinstance(function, MethodType):
        return Place("self", "the object that the step is a method of")
    if isinstance(function, partial):
        return Place(getattr(function.func, "__name__", "partial"), "a partial function with arguments of its own")
    return Place("self", "the object that is called as the step")
