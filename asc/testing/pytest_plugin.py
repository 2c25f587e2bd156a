"""The kit's plugin for pytest: `pytest -p asc.testing.pytest_plugin` shows what to do where a law fails, and costs."""

from __future__ import annotations

pytest_plugins = ("asc.testing.remedies", "asc.testing.costs")
