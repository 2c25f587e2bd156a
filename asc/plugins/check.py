"""Checks the hooks of a plugin before it is registered: pluggy would silently never call one that is misspelt."""

from __future__ import annotations

import inspect

import pluggy

from asc import hookspecs
from asc.errors import AscError
from asc.nearest import suggestion
from asc.plugins.entry import Source

HOOKS = {
    name: tuple(inspect.signature(hook).parameters)
    for name, hook in sorted(vars(hookspecs).items())
    if name.startswith("asc_")
}
"""Each hook's parameters, in order."""


def check(manager: pluggy.PluginManager, plugin: object, source: Source) -> None:
    """Raise AscError where a plugin implements no hook, a hook that does not exist, or asks for what a hook lacks."""
    if inspect.isclass(plugin):
        raise AscError(f"{source.title} is a class; expected a module or an instance.")
    found = False
    for attribute in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, attribute)
        if options is None:
            continue
        found = True
        hook = options.get("specname") or attribute
        if hook in HOOKS:
            if options["wrapper"] or options["hookwrapper"]:
                raise AscError(
                    f"{source.title} wraps {hook}, but a hook cannot be wrapped: remove wrapper or hookwrapper."
                )
            implementation = pluggy.HookImpl(plugin, source.plugin, getattr(plugin, attribute), options)
            for name in implementation.argnames:
                if name not in HOOKS[hook]:
                    raise AscError(
                        f'{source.title} asks {hook} for "{name}"; the hook offers {", ".join(HOOKS[hook])}.'
                    )
        elif not options["optionalhook"]:
            raise AscError(
                f'{source.title} implements "{hook}", which is no hook{suggestion(hook, HOOKS)} '
                f"Hooks: {', '.join(HOOKS)}."
            )
    if not found:
        raise AscError(
            f"{source.title} implements no hook; expected a function marked with @asc.hookimpl, "
            f"with one of these names: {', '.join(HOOKS)}."
        )
