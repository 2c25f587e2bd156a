"""Plugins: how components get their names, and who watches a run."""

from asc.plugins.entry import Entry, Source
from asc.plugins.loader import Plugins, PluginStatus, load
from asc.plugins.notify import Notifier
from asc.plugins.registry import Composite, Registry

__all__ = ["Composite", "Entry", "Notifier", "PluginStatus", "Plugins", "Registry", "Source", "load"]
