"""Plugins: how components get their names, and how a run notifies the plugins that watch it."""

from asc.plugins.entry import Entry
from asc.plugins.loader import Plugins, load

__all__ = ["Entry", "Plugins", "load"]
