"""Finds and loads plugins. One that fails is reported, and the others are loaded."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import NamedTuple

import pluggy

import asc
from asc import hookspecs
from asc.errors import FILE_MODULE, AscError, describe_error
from asc.nearest import suggestion
from asc.plugins.check import HOOKS, check
from asc.plugins.distributions import Found, installed
from asc.plugins.entry import Source
from asc.plugins.files import load_file
from asc.plugins.notify import Call, Calls, Notifier
from asc.plugins.offers import CORE, normalised, offers
from asc.plugins.registry import Registry
from asc.plugins.requires import require_core
from asc.plugins.tracing import traced, tracing

CHOICE = "ASC_LOAD_PLUGINS"
BUILTIN = "asc.plugins.builtin"
SLOW_S = 0.5
"""Seconds from which on the loading of a plugin is remarked upon."""


class PluginStatus(NamedTuple):
    """What became of one plugin when it was loaded."""

    name: str
    kind: str
    distribution: str
    version: str
    status: str  # "ok" or "failed"
    error: str | None


class Plugins:
    """The plugins of this process: the hooks they implement and the components they announce."""

    def __init__(self, traced: bool = False) -> None:
        self.traced = traced
        """Whether each call of a hook is shown on standard error."""
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.registry = Registry()
        self.statuses: list[PluginStatus] = []
        self.slow: list[str] = []
        """A sentence on each plugin that took long to load: all commands wait for it."""
        self._sources: dict[str, Source] = {}

    def register(self, plugin: object, source: Source) -> None:
        """Add a plugin. Raises AscError where any part of it cannot be used; then nothing of the plugin stays."""
        name = source.plugin
        if self.manager.has_plugin(name):
            taken = self.source(name)
            raise AscError(f"{source.title} is refused: {taken.label} has a plugin of this name already.")
        known = self.manager.get_name(plugin)
        if known is not None:
            raise AscError(f'{source.title} is refused: it is loaded already, as the plugin "{known}".')
        check(self.manager, plugin, source)
        self.manager.register(plugin, name)
        self._sources[name] = source
        try:
            self._announce(source)
        except AscError:
            self.remove(name)
            raise

    @contextmanager
    def timing(self, title: str, own: str) -> Iterator[None]:
        """Add a sentence to `slow` where what the package `own` imports meanwhile takes long."""
        before, began = set(sys.modules), time.perf_counter()
        yield
        seconds = time.perf_counter() - began
        if seconds < SLOW_S:
            return
        packages = Counter(name.partition(".")[0] for name in set(sys.modules) - before)
        others = [name for name, _ in packages.most_common() if name not in ("asc", own) and FILE_MODULE not in name]
        what = f", most of it for {others[0]} (modules: {packages[others[0]]:,})" if others else ""
        self.slow.append(
            f"{title} took {seconds:.1f} s to load{what}, and every command waits for it: import in a function or a "
            "method what only that needs."
        )

    def observe(self, observer: object, name: str) -> None:
        """Add an object of the running program with hook implementations, such as the live view."""
        self.register(observer, Source(name, ""))

    def remove(self, name: str) -> object:
        """Stop calling a plugin, and return it, if it is there; components that it announced stay usable."""
        return self.manager.unregister(name=name) if self.manager.has_plugin(name) else None

    def source(self, name: str) -> Source:
        """Return the origin of a plugin."""
        return self._sources.get(name, Source(name, ""))

    def notifier(self, on_fault: Callable[[str], object]) -> Notifier:
        """Return the means to call the observing hooks during one run."""
        return Notifier(self.calls, self._switch_off, on_fault)

    def calls(self, hook: str) -> Calls:
        """Return the calls of a hook, in the order in which pluggy would make them.

        Each takes all arguments of the hook by position, and passes on those that the implementation names.
        """
        caller: pluggy.HookCaller = getattr(self.manager.hook, hook)
        names = HOOKS[hook]
        found = tuple(
            (implementation.plugin_name, _by_position(implementation.function, implementation.argnames, names))
            for implementation in reversed(caller.get_hookimpls())
        )
        if not self.traced:
            return found
        return tuple((plugin, traced(self.manager, hook, plugin, names, function)) for plugin, function in found)

    def _switch_off(self, name: str) -> str:
        title = self.source(name).title
        self.remove(name)
        return title

    def _announce(self, source: Source) -> None:
        for plugin, call in self.calls("asc_register"):
            if plugin == source.plugin:
                with self.registry.announcing(source):
                    try:
                        call(self.registry)
                    except AscError:
                        raise
                    except Exception as error:
                        raise AscError(
                            f"{source.title} cannot be used: its asc_register raised {describe_error(error)}."
                        ) from error


def load(plugin_files: Sequence[Path] = (), environ: Mapping[str, str] | None = None) -> Plugins:
    """Load the built-in plugin, installed ones (entry points of the group `asc`) and single files, in this order.

    An installed plugin that fails is recorded in `Plugins.statuses`, and the others are loaded. ASC_LOAD_PLUGINS, in
    `environ` (by default that of the process), names the only plugins to load, separated by commas. ASC_TRACE_HOOKS=1
    shows the calls of hooks. Raises AscError where the former names a plugin that is not installed, the latter is not
    0 or 1, and where a file does not load, since a file was asked for by name.
    """
    environ = os.environ if environ is None else environ
    plugins = Plugins(tracing(environ))
    builtin = Source("builtin", CORE, asc.__version__)
    plugins.register(import_module(BUILTIN), builtin)
    plugins.statuses.append(_status(builtin))
    wanted = _wanted(environ.get(CHOICE))
    for source, point, requirements in _installed(plugins, wanted):
        if wanted is not None and point.name not in wanted:
            why = f"{source.title} is installed but not loaded: {CHOICE} leaves it out."
            plugins.registry.absent[source.plugin] = (source, why)
            continue
        try:
            require_core(source, requirements, asc.__version__)
            with plugins.timing(source.title, re.split(r"[.:]", point.value)[0]):
                plugins.register(_import(point, source), source)
            plugins.statuses.append(_status(source))
        except AscError as error:
            plugins.registry.absent[source.plugin] = (source, str(error))
            plugins.statuses.append(_status(source, str(error)))
    for path in {path.resolve(): path for path in plugin_files}.values():
        with plugins.timing(f'The plugin file "{path}"', ""):
            module, source = load_file(path)
        plugins.register(module, source)
        plugins.statuses.append(_status(source))
    return plugins


def _wanted(choice: str | None) -> set[str] | None:
    return None if choice is None else {name.strip() for name in choice.split(",")} - {"", "builtin"}


def _installed(plugins: Plugins, wanted: set[str] | None) -> list[Found]:
    """Return the installed plugins, and note the distributions that cannot be read, unless only some are wanted.

    Those of the project come first: the first plugin keeps a name, so that no other one takes the name of theirs.
    Raises AscError where one that is wanted is not installed.
    """
    found, damaged = installed()
    found = [one for one in found if one.point.value != BUILTIN]
    own = {offer.distribution for offer in offers()}
    found.sort(key=lambda one: (normalised(one.source.distribution) not in own, one.source))
    known = sorted({one.source.plugin for one in found})
    for name in sorted((wanted or set()).difference(known)):
        there = f"Installed: {', '.join(known)}." if known else "No plugin is installed."
        missing = f'{CHOICE} names "{name}", which is not installed{suggestion(name, known)} {there}'
        raise AscError("\n".join([missing, *(why for _, why in damaged)]))
    for source, why in damaged if wanted is None else ():
        plugins.registry.absent[source.plugin] = (source, why)
        plugins.statuses.append(_status(source, why))
    return found


def _import(point: EntryPoint, source: Source) -> object:
    again = (
        "If the package is your own, correct its code or [project.entry-points.asc] in its pyproject.toml, and install "
        f"it again. If it is not, reinstall it: pip install --force-reinstall {source.distribution}"
    )
    if not point.pattern.match(point.value):
        raise AscError(f'{source.title} is to be imported from "{point.value}", which is no dotted path. {again}')
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        raise AscError(
            f'{source.title} cannot be imported from "{point.value}": {describe_error(error)}. {again}'
        ) from error


def _status(source: Source, error: str | None = None) -> PluginStatus:
    status = "ok" if error is None else "failed"
    return PluginStatus(source.plugin, "plugin", source.distribution, source.version, status, error)


def _by_position(function: Call, wanted: tuple[str, ...], names: tuple[str, ...]) -> Call:
    if wanted == names:
        return function
    order = tuple(names.index(name) for name in wanted)
    return lambda *values: function(*(values[index] for index in order))
