"""The registry: every component that can be named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asc.calls import call
from asc.errors import AscError, describe_error, unmasked
from asc.nearest import nearest, suggestion
from asc.plugins.entry import Entry, Source
from asc.plugins.offers import Offer, offers

if TYPE_CHECKING:
    from pydantic import BaseModel

KINDS = ("backend", "predictor", "recognizer", "validator", "study")

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_IN_A_FILE = "If it is in a file of yours, add: --plugin FILE.py"
_DEEPEST = 8  # components within components; more is one that contains itself
_NOTHING: Mapping[str, Any] = MappingProxyType({})  # `asc.settings` has it as well, and imports pydantic


class Registry:
    """Components by kind and name. Implements `asc.hookspecs.Registrar`."""

    def __init__(self) -> None:
        self.absent: dict[str, tuple[Source, str]] = {}
        """Plugins that are installed but not loaded, and why: a missing component may be in one of them."""
        self._entries: dict[tuple[str, str], Entry] = {}
        self._source = Source("", "the running program")

    def add(self, kind: str, name: str, factory: str, summary: str) -> None:
        """Announce a component, as in `asc.hookspecs.Registrar`. A name that is taken stays with the first plugin."""
        _check_kind(kind)
        check_name(kind, name)
        if not _PATH.fullmatch(str(factory)):
            given: object = factory  # whatever the types promise
            path = f'f"{{__name__}}:{given.__qualname__}"' if isinstance(given, type) else '"package.module:Class"'
            raise AscError(
                f'The class of the {kind} "{name}" was given as {unmasked(repr(factory))}; '
                f"expected a dotted path in quotes, such as {path}."
            )
        if not str(summary).strip() or "\n" in str(summary):
            raise AscError(f'The summary of the {kind} "{name}" was given as {summary!r}; expected one line of text.')
        taken = self._entries.get((kind, name))
        if taken is not None:
            raise AscError(
                f'The {kind} "{name}" of {self._source.label} is refused: '
                f"{taken.source.label} has a {kind} of this name already. Uninstall or rename one of them."
            )
        self._entries[kind, name] = Entry(kind, name, self._source.localise(factory), summary, self._source)

    @contextmanager
    def announcing(self, source: Source) -> Iterator[None]:
        """Credit this plugin with what is added meanwhile. If the plugin raises, remove all that it added."""
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
        """Look a component up.

        Raises AscError where there is none, with what is installed, the nearest name and how to install more.
        """
        _check_kind(kind)
        entry = self._entries.get((kind, name))
        if entry is None:
            raise AscError(self._missing(kind, name))
        return entry

    def find(self, name: str) -> tuple[Entry, ...]:
        """Return the components of this name, of every kind. Raises AscError where there is none."""
        found = tuple(entry for entry in self.entries() if entry.name == name)
        if not found:
            meant, remedies = self._meant(name, [entry.name for entry in self.entries()], offers())
            ending = f'; did you mean "{meant}"?' if meant else "."
            sentences = [f'There is no component "{name}"{ending}', *(remedies or [*self._not_loaded(), _IN_A_FILE])]
            raise AscError(_joined([*sentences, "To list them, type: asc plugins"]))
        return found

    def config_class(self, kind: str, name: str) -> type[BaseModel]:
        """Import the class of a component's settings."""
        return self.get(kind, name).load_config()

    def configure(self, kind: str, name: str, settings: Mapping[str, Any] = _NOTHING) -> BaseModel:
        """Validate a component's settings without making it. Raises AscError, one sentence for each problem."""
        from asc.config.validate import validate  # noqa: PLC0415 - needs pydantic, which announcing must not wait for

        return validate(
            self.config_class(kind, name),
            settings,
            owner=f' of the {kind} "{name}"',
            remedy=f"Type: asc explain {name}{self.get(kind, name).source.option}",
        )

    def create(self, kind: str, name: str, settings: Mapping[str, Any] | BaseModel = _NOTHING) -> Any:
        """Make a component from its settings, which may be an instance of its `Config` already.

        Raises AscError where the name is unknown, a setting is wrong, or the component cannot be imported or made, or
        does not fit its kind.
        """
        return self._create(kind, name, settings, ())

    def _create(self, kind: str, name: str, settings: Mapping[str, Any] | BaseModel, within: tuple[str, ...]) -> Any:
        from asc.plugins.conform import BASES, require_attributes  # noqa: PLC0415 - as above
        from asc.settings import Configurable  # noqa: PLC0415

        chain = (*within, name)
        if len(chain) > _DEEPEST:
            raise AscError(
                f'The {kind} "{chain[0]}" is made of more than {_DEEPEST} layers, so it probably contains itself: '
                f"{' > '.join(chain)}."
            )

        def create(name: str, settings: Mapping[str, Any] = _NOTHING) -> Any:
            return self._create(kind, name, settings, chain)

        entry = self.get(kind, name)
        factory = entry.load()
        config = self.configure(kind, name, settings) if isinstance(settings, Mapping) else settings
        try:
            if issubclass(factory, Configurable):
                made = call(entry.title, factory.compose, config, create)
            else:
                made = call(entry.title, factory, config)
            require_attributes(BASES[kind], made, entry.title)
        except AscError:
            raise
        except Exception as error:
            raise AscError(f"{entry.title} could not be made from its settings: {describe_error(error)}.") from error
        return made

    def _missing(self, kind: str, name: str) -> str:
        installed = self.names(kind)
        meant, remedies = self._meant(name, installed, offers() if kind == "backend" else [])
        guess = f' Did you mean "{meant}"?' if meant else ""
        parts = [f'There is no {kind} "{name}".{guess}', *(remedies or self._not_loaded())]
        parts += [f'There is a {entry.kind} "{name}".' for entry in self.entries() if entry.name == name]
        parts.append(f"Installed: {', '.join(installed)}." if installed else f"No {kind} is installed.")
        if kind == "study":
            parts += self._backends()
        return _joined(parts if remedies else [*parts, _IN_A_FILE])

    def _meant(self, name: str, installed: Sequence[str], offered: Sequence[Offer]) -> tuple[str | None, list[str]]:
        """Return the name that was probably meant, if not this one, and what to do to have the component of that name.

        It comes with a plugin that did not load, or with a distribution that is not installed.
        """
        meant = nearest(name, [*installed, *(offer.name for offer in offered)])
        offer = next((offer for offer in offered if offer.name == meant and meant not in installed), None)
        reasons = [text for source, text in self.absent.values() if offer and source.distribution == offer.distribution]
        if not reasons and name in self.absent:
            reasons = [self.absent[name][1]]
        if not reasons and offer is not None:
            reasons = [offer.sentence]
        return None if meant == name else meant, reasons

    def _not_loaded(self) -> list[str]:
        return [f"Plugins installed but not loaded: {', '.join(sorted(self.absent))}."] if self.absent else []

    def _backends(self) -> list[str]:
        """Say where a study may come from: which backends are installed, and how to install the others."""
        installed, absent = self.names("backend"), {source.distribution for source, _ in self.absent.values()}
        others = [o.sentence for o in offers() if o.name not in installed and o.distribution not in absent]
        there = f"installed: {', '.join(installed)}" if installed else "none is installed"
        return [f"Studies come with backends; {there}.", *others]


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
