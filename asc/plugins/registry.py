"""The registry: every component that can be named, whoever brought it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from asc.errors import AscError, describe_error
from asc.nearest import nearest, suggestion
from asc.plugins.entry import Entry, Source

if TYPE_CHECKING:
    from pydantic import BaseModel

KINDS = ("backend", "predictor", "recognizer", "validator", "study")

CORE = "asc-core"
INSTALLABLE = {
    ("backend", "toy"): "asc-toy",
    ("backend", "nn_training"): "asc-nn-training",
    ("study", "leap-verify"): "asc-nn-training",
    ("study", "momentum"): "asc-nn-training",
    ("study", "departures"): "asc-nn-training",
}
"""Well-known components that other distributions bring, so that a missing one can be answered with a command."""

CHECKOUT = {"asc-toy": "backends/toy", "asc-nn-training": "backends/nn_training"}
"""Where these distributions are in a checkout of asc: no index has them."""

OWN = frozenset({CORE, *CHECKOUT})
"""The distributions of asc's own authors."""

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_IN_A_FILE = "If it is in a file of yours, add: --plugin FILE.py"
_DEEPEST = 8  # composites within composites; more is one that contains itself
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Create(Protocol):
    """Makes the parts of a composite, which are of its own kind."""

    def __call__(self, name: str, settings: Mapping[str, Any] = _NOTHING) -> Any:
        """Return the named component, made from these settings."""


@runtime_checkable
class Composite(Protocol):
    """A component class that is made of other components, by name: it gets the means to create them."""

    def compose(self, config: Any, create: Create) -> Any:
        """Return an instance. A class method: `compose(cls, config, create)`."""


class Registry:
    """Components by kind and name. Implements `asc.hookspecs.Registrar`."""

    def __init__(self) -> None:
        self.absent: dict[str, tuple[Source, str]] = {}
        """Plugins that are installed but not loaded, and why: what may have brought a missing component."""
        self._entries: dict[tuple[str, str], Entry] = {}
        self._source = Source("", "the running program")

    def add(self, kind: str, name: str, factory: str, config: str, summary: str) -> None:
        """Announce a component, as `asc.hookspecs.Registrar` has it; a taken name stays with whoever came first."""
        _check_kind(kind)
        check_name(kind, name)
        for role, path in (("class", factory), ("settings", config)):
            if not _PATH.fullmatch(str(path)):
                raise AscError(
                    f'The {role} of the {kind} "{name}" was given as {path!r}; '
                    'expected a dotted path in quotes, such as "package.module:Class".'
                )
        if not str(summary).strip() or "\n" in str(summary):
            raise AscError(f'The summary of the {kind} "{name}" was given as {summary!r}; expected one line of text.')
        taken = self._entries.get((kind, name))
        if taken is not None:
            raise AscError(
                f'The {kind} "{name}" of {self._source.label} is refused: '
                f"{taken.source.label} has a {kind} of this name already. Uninstall or rename one of them."
            )
        localise = self._source.localise
        self._entries[kind, name] = Entry(kind, name, localise(factory), localise(config), summary, self._source)

    @contextmanager
    def announcing(self, source: Source) -> Iterator[None]:
        """Credit what is added meanwhile to this plugin; if it raises, take back all that it added."""
        before, self._source = self._source, source
        entries = dict(self._entries)
        try:
            yield
        except BaseException:
            self._entries = entries
            raise
        finally:
            self._source = before

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """Return what is announced, of one kind or of all, sorted by kind and name."""
        return tuple(entry for key, entry in sorted(self._entries.items()) if kind in {None, key[0]})

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of one kind, sorted."""
        return tuple(entry.name for entry in self.entries(kind))

    def get(self, kind: str, name: str) -> Entry:
        """Look a component up. Raises AscError where there is none: what there is, the nearest, how to install it."""
        _check_kind(kind)
        entry = self._entries.get((kind, name))
        if entry is None:
            raise AscError(self._missing(kind, name))
        return entry

    def find(self, name: str) -> tuple[Entry, ...]:
        """Return the components of this name, of whatever kind. Raises AscError where there is none."""
        found = tuple(entry for entry in self.entries() if entry.name == name)
        if not found:
            offered = {known: kind for kind, known in INSTALLABLE}
            known = [*(entry.name for entry in self.entries()), *offered]
            meant = name if name in offered else nearest(name, known)
            guess = "." if meant in {None, name} else f'; did you mean "{meant}"?'
            remedies = self._remedies(offered.get(meant or "", ""), name, meant)
            told = [f'There is no component "{name}"{guess}', *(remedies or [*self._not_loaded(), _IN_A_FILE])]
            raise AscError(_joined([*told, "To list them, type: asc plugins"]))
        return found

    def config_class(self, kind: str, name: str) -> type[BaseModel]:
        """Import the class of a component's settings."""
        return self.get(kind, name).load_config()

    def configure(self, kind: str, name: str, settings: Mapping[str, Any] = _NOTHING) -> BaseModel:
        """Validate a component's settings without making it. Raises AscError, a sentence for each problem."""
        from asc.config.validate import validate  # noqa: PLC0415 - needs pydantic, which announcing must not wait for

        return validate(
            self.config_class(kind, name),
            settings,
            owner=f' of the {kind} "{name}"',
            remedy=f"Type: asc explain {name}",
        )

    def create(self, kind: str, name: str, settings: Mapping[str, Any] = _NOTHING) -> Any:
        """Make a component from its settings; a `Composite` also makes its parts, by name.

        Raises AscError where the name is unknown, a setting is wrong, or the component fails to import or to start.
        """
        return self._create(kind, name, settings, ())

    def _create(self, kind: str, name: str, settings: Mapping[str, Any], within: tuple[str, ...]) -> Any:
        chain = (*within, name)
        if len(chain) > _DEEPEST:
            raise AscError(
                f'The {kind} "{chain[0]}" is made of more than {_DEEPEST} layers, so it probably contains itself: '
                f"{' > '.join(chain)}."
            )

        def create(name: str, settings: Mapping[str, Any] = _NOTHING) -> Any:
            return self._create(kind, name, settings, chain)

        factory = self.get(kind, name).load()
        config = self.configure(kind, name, settings)
        try:
            return factory.compose(config, create) if isinstance(factory, Composite) else factory(config)
        except AscError:
            raise
        except Exception as error:
            label = self.get(kind, name).source.label
            raise AscError(
                f'The {kind} "{name}" of {label} could not be made from its settings: {describe_error(error)}.'
            ) from error

    def _missing(self, kind: str, name: str) -> str:
        installed = self.names(kind)
        offered = [known for of, known in INSTALLABLE if of == kind and known not in installed]
        meant = name if name in offered else nearest(name, [*installed, *offered])
        guess = "" if meant in {None, name} else f' Did you mean "{meant}"?'
        remedies = self._remedies(kind, name, meant)
        parts = [f'There is no {kind} "{name}".{guess}', *(remedies or self._not_loaded())]
        parts += [f'There is a {entry.kind} "{name}".' for entry in self.entries() if entry.name == name]
        parts.append(f"Installed: {', '.join(installed)}." if installed else f"No {kind} is installed.")
        return _joined(parts if remedies else [*parts, _IN_A_FILE])

    def _remedies(self, kind: str, name: str, meant: str | None) -> list[str]:
        """Say what would bring the missing component: load the plugin that has it, or install its distribution."""
        distribution = INSTALLABLE.get((kind, meant or ""))
        reasons = [text for source, text in self.absent.values() if distribution == source.distribution]
        if reasons or name in self.absent:
            return reasons or [self.absent[name][1]]
        if distribution is not None and meant not in self.names(kind):
            return [f'To install "{meant}", type in a checkout of asc: {install(distribution)}']
        return []

    def _not_loaded(self) -> list[str]:
        return [f"Plugins installed but not loaded: {', '.join(sorted(self.absent))}."] if self.absent else []


def install(distribution: str) -> str:
    """Return the command that installs a distribution of asc's own, as it is typed in a checkout."""
    return f"pip install -e {CHECKOUT[distribution]}"


def _joined(sentences: Iterable[str]) -> str:
    """Join sentences. One that ends in a command has no full stop, and ends its line, so that it can be copied."""
    return "".join(text + (" " if text.endswith((".", "?")) else "\n") for text in sentences).rstrip()


def check_name(kind: str, name: str) -> None:
    """Raise AscError where this cannot be the name of a component, whether it is taken or not."""
    if not _NAME.fullmatch(str(name)):
        raise AscError(
            f'"{name}" cannot name a {kind}; a name is made of lower-case words of letters and digits, '
            'joined by hyphens or underscores, such as "last-value".'
        )


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise AscError(
            f'There is no kind of component "{kind}"{suggestion(str(kind), KINDS)} Kinds: {", ".join(KINDS)}.'
        )
