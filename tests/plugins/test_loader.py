"""Finding plugins: whatever one of them does wrong is told in a sentence, and the others are loaded."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest

from asc.errors import AscError
from asc.plugins import Plugins, load, loader
from asc.plugins.loader import PluginStatus

AGAIN = (
    "If the package is your own, correct its code or [project.entry-points.asc] in its pyproject.toml, and install it "
    "again. If it is not, reinstall it: pip install --force-reinstall"
)
ANNOUNCES = """
    import asc

    class Mine(asc.Predictor):
        '''Predicts nothing.'''

        def predict(self, history, horizon):
            return None

    @asc.hookimpl
    def asc_register(registry):
        registry.add("predictor", "{name}", "{module}:Mine", "predicts nothing")
"""


def announces(module: str, name: str) -> dict[str, str]:
    return {module: ANNOUNCES.format(module=module, name=name)}


def status(plugins: Plugins, name: str) -> PluginStatus:
    (found,) = (status for status in plugins.statuses if status.name == name)
    return found


def only(*names: str) -> dict[str, str]:
    """Keep plugins that happen to be installed on this machine out of the test."""
    return {"ASC_LOAD_PLUGINS": ",".join(names)}


def test_an_installed_plugin_is_found_and_credited(install: Any) -> None:
    install("asc-mine", "1.2", {"mine": "asc_mine"}, announces("asc_mine", "mine"))
    plugins = load(environ=only("mine"))
    assert status(plugins, "mine") == PluginStatus("mine", "plugin", "asc-mine", "1.2", "ok", None)
    entry = plugins.registry.get("predictor", "mine")
    assert entry.source.label == "asc-mine 1.2"
    assert type(plugins.registry.create("predictor", "mine")).__name__ == "Mine"


def test_one_that_fails_to_import_is_reported_and_the_rest_are_loaded(install: Any) -> None:
    install("asc-before", "1", {"a-before": "asc_before"}, announces("asc_before", "before"))
    install("asc-bad", "0.3", {"bad": "asc_bad"}, {"asc_bad": "import no_such_module_anywhere\n"})
    install("asc-gone", "0.4", {"gone": "asc_gone"}, {})
    install("asc-exits", "0.5", {"exits": "asc_exits"}, {"asc_exits": "raise SystemExit(3)\n"})
    install("asc-after", "1", {"z-after": "asc_after"}, announces("asc_after", "after"))
    plugins = load(environ=only("bad", "gone", "exits", "z-after", "a-before"))
    assert status(plugins, "bad") == PluginStatus(
        "bad",
        "plugin",
        "asc-bad",
        "0.3",
        "failed",
        'The plugin "bad" of asc-bad 0.3 cannot be imported from "asc_bad": '
        "ModuleNotFoundError: No module named 'no_such_module_anywhere' (asc_bad.py, line 1). "
        f"{AGAIN} asc-bad",
    )
    assert status(plugins, "gone").error == (
        'The plugin "gone" of asc-gone 0.4 cannot be imported from "asc_gone": '
        "ModuleNotFoundError: No module named 'asc_gone'. "
        f"{AGAIN} asc-gone"
    )
    assert status(plugins, "exits").error == (
        'The plugin "exits" of asc-exits 0.5 cannot be imported from "asc_exits": '
        f"SystemExit: 3 (asc_exits.py, line 1). {AGAIN} asc-exits"
    )
    assert {"before", "after", "linear"} <= set(plugins.registry.names("predictor"))
    assert [s.name for s in plugins.statuses] == ["builtin", "a-before", "bad", "exits", "gone", "z-after"]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("asc_here.nowhere", 'cannot be imported from "asc_here.nowhere": ModuleNotFoundError: No module named '),
        ("asc_here:nothing", "cannot be imported from \"asc_here:nothing\": AttributeError: module 'asc_here' has no "),
        ("not a path", 'is to be imported from "not a path", which is no dotted path. '),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_told_and_the_rest_are_loaded(
    install: Any, target: str, told: str
) -> None:
    install("asc-broken", "0.1", {"broken": target}, {"asc_here": ""})
    install("asc-fine", "1", {"fine": "asc_fine"}, announces("asc_fine", "fine"))
    plugins = load(environ=only("broken", "fine"))
    error = status(plugins, "broken").error or ""
    assert error.startswith(f'The plugin "broken" of asc-broken 0.1 {told}')
    assert error.endswith(f". {AGAIN} asc-broken")
    assert status(plugins, "fine").error is None


def test_a_name_taken_by_another_distribution_is_refused_naming_both(install: Any) -> None:
    install("asc-first", "1.0", {"first": "asc_first"}, announces("asc_first", "same"))
    second = announces("asc_second", "same")
    second["asc_second"] = second["asc_second"].replace(
        "    def asc_register(registry):\n",
        "    def asc_register(registry):\n"
        '        registry.add("predictor", "other", "asc_second:Mine", "goes with it")\n',
    )
    install("asc-second", "2.0", {"second": "asc_second"}, second)
    plugins = load(environ=only("first", "second"))
    assert status(plugins, "second").error == (
        'The predictor "same" of asc-second 2.0 is refused: asc-first 1.0 has a predictor of this name already. '
        "Uninstall or rename one of them."
    )
    assert plugins.registry.get("predictor", "same").source.distribution == "asc-first"
    assert "other" not in plugins.registry.names("predictor"), "a plugin that failed contributes nothing"
    assert not plugins.manager.has_plugin("second")


def test_a_plugin_name_taken_by_another_distribution_is_refused_naming_both(install: Any) -> None:
    install("asc-first", "1.0", {"same": "asc_first"}, announces("asc_first", "one"))
    install("asc-second", "2.0", {"same": "asc_second"}, announces("asc_second", "two"))
    plugins = load(environ=only("same"))
    assert [(s.distribution, s.error) for s in plugins.statuses if s.name == "same"] == [
        ("asc-first", None),
        (
            "asc-second",
            'The plugin "same" of asc-second 2.0 is refused: asc-first 1.0 has a plugin of this name already.',
        ),
    ]


@pytest.mark.parametrize(
    ("kind", "name", "owner"), [("predictor", "linear", "asc-core"), ("backend", "toy", "asc-toy")]
)
def test_no_distribution_replaces_a_built_in_component(install: Any, kind: str, name: str, owner: str) -> None:
    pytest.importorskip("asc_toy")
    before = load().registry.get(kind, name).factory
    source = f"@asc.hookimpl\ndef asc_register(registry): registry.add({kind!r}, {name!r}, 'aaa:A', 'mine')\n"
    install("aaa", "1", {"aaa": "aaa"}, {"aaa": f"import asc\n{source}"})
    plugins = load()
    assert plugins.registry.get(kind, name).factory == before
    told = status(plugins, "aaa").error
    assert told is not None
    assert told.startswith(f'The {kind} "{name}" of aaa 1 is refused: {owner} ')


@pytest.mark.parametrize("name", ["builtin", "toy"])
def test_no_distribution_takes_the_name_of_a_built_in_plugin(install: Any, name: str) -> None:
    pytest.importorskip("asc_toy")
    install("aaa", "1", {name: "aaa"}, {"aaa": ""})
    plugins = load()
    assert plugins.registry.get("backend", "toy").source.distribution == "asc-toy"
    (told,) = [status.error for status in plugins.statuses if status.error]
    assert told.startswith(f'The plugin "{name}" of aaa 1 is refused: asc-')


def test_one_module_under_two_names_is_refused(install: Any) -> None:
    install("asc-twice", "1", {"one": "asc_twice", "two": "asc_twice"}, announces("asc_twice", "twice"))
    plugins = load(environ=only("one", "two"))
    assert status(plugins, "two").error == (
        'The plugin "two" of asc-twice 1 is refused: it is loaded already, as the plugin "one".'
    )
    assert "twice" in plugins.registry.names("predictor")


HOOKS = "asc_boundary, asc_demo_pages, asc_progress, asc_register, asc_run_finished, asc_run_started"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (
            "@asc.hookimpl\ndef asc_bondary(run): pass",
            f'implements "asc_bondary", which is no hook; did you mean "asc_boundary"? Hooks: {HOOKS}.',
        ),
        (
            "@asc.hookimpl\ndef zzz(run): pass",
            f'implements "zzz", which is no hook. Hooks: {HOOKS}.',
        ),
        (
            "@asc.hookimpl(specname='asc_run_start')\ndef begin(run): pass",
            f'implements "asc_run_start", which is no hook; did you mean "asc_run_started"? Hooks: {HOOKS}.',
        ),
        (
            "@asc.hookimpl\ndef asc_boundary(run, step): pass",
            'asks asc_boundary for "step"; the hook offers run, boundary.',
        ),
        (
            "@asc.hookimpl(wrapper=True)\ndef asc_boundary(run):\n    return (yield)",
            "wraps asc_boundary, but a hook cannot be wrapped: remove wrapper or hookwrapper.",
        ),
        (
            "def asc_register(registry): pass",
            f"implements no hook; expected a function marked with @asc.hookimpl, with one of these names: {HOOKS}.",
        ),
        (
            "@asc.hookimpl\ndef asc_register(registry):\n    raise RuntimeError('no\\n luck')",
            "cannot be used: its asc_register raised RuntimeError: no luck (asc_wrong.py, line 4).",
        ),
    ],
)
def test_what_would_silently_never_work_is_reported_by_name(install: Any, source: str, complaint: str) -> None:
    good = """@asc.hookimpl(specname="asc_register")\ndef announce(registry):
    registry.add("predictor", "left-over", "asc_wrong:Mine", "must not stay")\n"""
    extra = "" if "asc_register" in source else good
    install("asc-wrong", "1", {"wrong": "asc_wrong"}, {"asc_wrong": f"import asc\n{extra}{source}\n"})
    install("asc-fine", "1", {"fine": "asc_fine"}, announces("asc_fine", "fine"))
    plugins = load(environ=only("wrong", "fine"))
    assert status(plugins, "wrong").error == f'The plugin "wrong" of asc-wrong 1 {complaint}'
    assert status(plugins, "fine").error is None
    assert "left-over" not in plugins.registry.names("predictor")
    assert not plugins.manager.has_plugin("wrong")


def test_an_optional_hook_of_another_version_is_no_mistake(install: Any) -> None:
    source = "import asc\n@asc.hookimpl(optionalhook=True)\ndef asc_of_tomorrow(run): pass\n"
    install("asc-new", "1", {"new": "asc_new"}, {"asc_new": source})
    assert status(load(environ=only("new")), "new").error is None


def test_an_entry_point_may_name_an_object_but_not_a_class(install: Any) -> None:
    source = """
        import asc

        class Watcher:
            @asc.hookimpl
            def asc_boundary(self, boundary):
                pass

        watcher = Watcher()
    """
    points = {"object": "asc_watch:watcher", "class": "asc_watch:Watcher"}
    install("asc-watch", "1", points, {"asc_watch": source})
    plugins = load(environ=only("object", "class"))
    assert status(plugins, "object").error is None
    assert status(plugins, "class").error == (
        'The plugin "class" of asc-watch 1 is a class; expected a module or an instance.'
    )


def test_the_environment_names_the_only_plugins_to_load(install: Any) -> None:
    install("asc-one", "1", {"one": "asc_one"}, announces("asc_one", "one"))
    install("asc-two", "1", {"two": "asc_two"}, announces("asc_two", "two"))
    assert "one" in load(environ={}).registry.names("predictor")
    for text in ("two", " two ,", "two,builtin"):
        plugins = load(environ={"ASC_LOAD_PLUGINS": text})
        assert [s.name for s in plugins.statuses] == ["builtin", "two"]
    assert [s.name for s in load(environ={"ASC_LOAD_PLUGINS": ""}).statuses] == ["builtin"]


def test_the_process_environment_counts_where_none_is_given(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install("asc-one", "1", {"one": "asc_one"}, announces("asc_one", "one"))
    monkeypatch.setenv("ASC_LOAD_PLUGINS", "")
    assert "one" not in load().registry.names("predictor")
    monkeypatch.setenv("ASC_LOAD_PLUGINS", "one")
    assert "one" in load().registry.names("predictor")


def test_an_unknown_name_in_the_environment_is_refused(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install("asc-one", "1", {"single": "asc_one"}, announces("asc_one", "one"))
    with pytest.raises(AscError) as caught:
        load(environ=only("singel"))
    assert str(caught.value).startswith(
        'ASC_LOAD_PLUGINS names "singel", which is not installed; did you mean "single"? Installed: '
    )
    monkeypatch.setattr("asc.plugins.distributions.entry_points", lambda group: ())
    with pytest.raises(AscError) as caught:
        load(environ=only("single"))
    assert str(caught.value) == 'ASC_LOAD_PLUGINS names "single", which is not installed. No plugin is installed.'


def test_a_component_of_a_plugin_left_out_is_missed_with_that_reason(install: Any) -> None:
    install("asc-one", "1", {"one": "asc_one"}, announces("asc_one", "one"))
    with pytest.raises(AscError) as caught:
        load(environ=only()).registry.get("predictor", "one")
    reason = 'The plugin "one" of asc-one 1 is installed but not loaded: ASC_LOAD_PLUGINS leaves it out.'
    assert reason in str(caught.value)


def test_the_built_in_plugin_needs_no_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asc.plugins.distributions.entry_points", lambda group: ())
    plugins = load()
    assert [(s.name, s.distribution, s.status) for s in plugins.statuses] == [("builtin", "asc-core", "ok")]
    assert "linear" in plugins.registry.names("predictor")


def test_the_built_in_plugin_is_loaded_once_where_its_entry_point_is_installed(install: Any) -> None:
    install("asc-copy", "9", {"builtin": "asc.plugins.builtin"}, {})
    assert [s.name for s in load(environ=only()).statuses] == ["builtin"]


def test_a_plugin_that_takes_long_to_load_is_named_with_what_it_imports(
    install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "SLOW_S", 0.0)
    (source,) = announces("asc_slow", "slow").values()
    install(
        "asc-slow", "1.5", {"slow": "asc_slow"}, {"heavy": "", "asc_slow": f"import heavy\n{textwrap.dedent(source)}"}
    )
    (sentence,) = load(environ=only("slow")).slow
    assert re.fullmatch(
        r'The plugin "slow" of asc-slow 1\.5 took \d+\.\d s to load, most of it for heavy \(modules: 1\), and every '
        r"command waits for it: import in a function or a method what only that needs\.",
        sentence,
    )


def test_a_plugin_that_is_quick_is_not_remarked_upon(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "SLOW_S", 1e9)
    install("asc-mine", "1.2", {"mine": "asc_mine"}, announces("asc_mine", "mine"))
    assert load(environ=only("mine")).slow == []
