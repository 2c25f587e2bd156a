"""An announced component: its name, and where to find it once it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from asc.errors import AscError, describe_error, unmasked

if TYPE_CHECKING:
    from pydantic import BaseModel


class Source(NamedTuple):
    """The plugin that something came from."""

    plugin: str  # name of its entry point, or the path of a single file
    distribution: str  # "asc-core", "file my_predictor.py", or "" for an object that the running program registered
    version: str = ""
    module: str = ""  # a single file's module, under the private name that it was loaded by
    alias: str = ""  # what the author of the file takes the module's name to be

    @property
    def label(self) -> str:
        """Distribution and version, for sentences."""
        return f"{self.distribution} {self.version}".strip() or f'"{self.plugin}"'

    @property
    def title(self) -> str:
        """The plugin and its origin, for the beginning of a sentence."""
        if self.module:
            return f'The plugin file "{self.plugin}"'
        return f'The plugin "{self.plugin}"' + (f" of {self.label}" if self.distribution else "")

    @property
    def option(self) -> str:
        """The option, with a space before it, by which a command finds what is in a single file."""
        return f" --plugin {self.plugin}" if self.module else ""

    def localise(self, path: str) -> str:
        """Turn a dotted path into a single file's own module into one that can be imported."""
        module, colon, name = path.partition(":")
        return f"{self.module}{colon}{name}" if self.module and module == self.alias else path


class Entry(NamedTuple):
    """A component as a plugin announced it."""

    kind: str
    name: str
    factory: str
    summary: str
    source: Source

    @property
    def title(self) -> str:
        """The component and its origin, for the beginning of a sentence."""
        return f'The {self.kind} "{self.name}" of {self.source.label}'

    def load(self) -> type[Any]:
        """Import the component's class, as `conform` returns it.

        Raises AscError where the import fails, naming plugin and exception, and where the class does not fit its kind.
        """
        from asc.plugins.conform import conform  # noqa: PLC0415 - listing plugins must not wait for pydantic

        module, _, qualified = self.factory.partition(":")
        announced = f'{self.source.title} announces the {self.kind} "{self.name}", but "{unmasked(self.factory)}"'
        try:
            target: object = import_module(module)
            for part in qualified.split("."):
                target = getattr(target, part)
        except Exception as error:
            raise AscError(f"{announced} cannot be loaded: {describe_error(error)}.{self._renamed(module)}") from error
        if not isinstance(target, type):
            raise AscError(f"{announced} is of type {type(target).__name__}; expected a class.")
        return conform(self.kind, target, self.title)

    def load_config(self) -> type[BaseModel]:
        """Import the class of the component's settings. Raises AscError as `load` does."""
        config: type[BaseModel] = self.load().Config
        return config

    def _renamed(self, module: str) -> str:
        """Say how the paths of a single file begin, where this one leads to another module."""
        alias = self.source.alias
        if not alias or module == self.source.module:
            return ""
        return f' The file is {alias}.py, so paths to its own classes begin with "{alias}:", or with __name__ + ":".'
