"""Settings of components: one model for config file, flags, documentation and record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, create_model

try:
    create_model("First")  # at its first model, pydantic looks for plugins of its own
except Exception:  # noqa: BLE001 - Python reads the entry points of a damaged distribution; `asc plugins` names it
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"

NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


class Settings(BaseModel):
    """Described fields; unknown ones and infinite numbers are refused, and none changes after construction."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    given_again: ClassVar[frozenset[str]] = frozenset()
    """The settings, such as an address to connect to, that are never taken from a record: who uses it gives them."""


class Positional:
    """Marks a list of texts that a command takes after its options: `Annotated[tuple[str, ...], Positional()]`.

    A command has one such list at most. What begins with a hyphen is typed after `--`.
    """


class Create(Protocol):
    """Makes another component of the same kind by name, for a component that consists of others."""

    def __call__(self, name: str, settings: Mapping[str, Any] = NO_SETTINGS) -> Any:
        """Return the named component, made with these settings."""


class CreateComponent(Protocol):
    """Makes a component of any kind by name, such as `Registry.create`."""

    def __call__(self, kind: str, name: str, settings: Mapping[str, Any] = NO_SETTINGS) -> Any:
        """Return the component, made with these settings."""


class Configurable:
    """A component that is made from settings: the base of predictors, recognizers and validators.

    A subclass states its settings as a nested class `Config`, and reads them from `self.config`.
    """

    class Config(Settings):
        """Nothing to set."""

    def __init__(self, config: Any = None) -> None:
        self.config = self.Config() if config is None else config

    @classmethod
    def compose(cls, config: Any, create: Create) -> Self:
        """Make a component from its settings. One that consists of others makes them by name with `create`."""
        return cls(config)

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of what the component has learnt, so that a resumed run goes on as if it had never stopped.

        The state consists of dictionaries with string keys, lists, what JSON holds, and numpy arrays, since a
        checkpoint stores it. A component whose answers do not depend on what it has seen returns an empty dictionary.
        """
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, on a component with the same settings."""
        if state:
            raise ValueError(
                f"{type(self).__name__} was given a state with {', '.join(state)}; it keeps none, so expected an empty "
                "dictionary: define load_state_dict(state) beside state_dict()"
            )
