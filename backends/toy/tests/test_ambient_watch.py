"""What changes beside the state is noticed and named; what does not change is never named."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from asc_toy.ambient import Watch

Load = Callable[..., ModuleType]
state = partial(SimpleNamespace, n=0, x=1.5)


CHANGES = {
    "a global": (
        """
        counter = 0
        def step(s):
            global counter
            counter += 1
        """,
        "`counter`, a global of `prices`",
    ),
    "a global that is made by the step": (
        """
        def step(s):
            global last
            last = s.n
        """,
        "`last`, a global of `prices`",
    ),
    "a global that is deleted": (
        """
        spare = 1
        def step(s):
            global spare
            del spare
        """,
        "`spare`, a global of `prices`",
    ),
    "a global that changes its type only": (
        """
        flag = True
        def step(s):
            global flag
            flag = 1
        """,
        "`flag`, a global of `prices`",
    ),
    "a list": (
        """
        seen = []
        def step(s):
            seen.append(s.n)
        """,
        "`seen`, a global of `prices`",
    ),
    "a list in a tuple in a dict": (
        """
        table = {"a": (1, [2])}
        def step(s):
            table["a"][1][0] = 3
        """,
        "`table`, a global of `prices`",
    ),
    "the order of a dict": (
        """
        table = {"a": 1, "b": 2}
        def step(s):
            table["a"] = table.pop("a")
        """,
        "`table`, a global of `prices`",
    ),
    "a set": (
        """
        seen = {1}
        def step(s):
            seen.add(2)
        """,
        "`seen`, a global of `prices`",
    ),
    "a deque": (
        """
        from collections import deque
        recent = deque([1, 2])
        def step(s):
            recent.rotate()
        """,
        "`recent`, a global of `prices`",
    ),
    "a Counter with attributes": (
        """
        from collections import Counter
        seen = Counter()
        seen.mark = 1
        def step(s):
            seen.mark = 2
        """,
        "`seen`, a global of `prices`",
    ),
    "one element of an array": (
        """
        import numpy as np
        grid = np.zeros((30, 40))
        def step(s):
            grid[3, 4] = -0.0
        """,
        "`grid`, a global of `prices`",
    ),
    "an array of objects": (
        """
        import numpy as np
        grid = np.array([None, []], dtype=object)
        def step(s):
            grid[1].append(1)
        """,
        "`grid`, a global of `prices`",
    ),
    "the shape of an array": (
        """
        import numpy as np
        grid = np.zeros((2, 3))
        def step(s):
            grid.resize((3, 2), refcheck=False)
        """,
        "`grid`, a global of `prices`",
    ),
    "a masked array": (
        """
        import numpy as np
        grid = np.ma.masked_array([1.0, 2.0], [True, False])
        def step(s):
            grid[1] = np.ma.masked
        """,
        "`grid`, a global of `prices`",
    ),
    "bytes that can change": (
        """
        buffer = bytearray(4)
        def step(s):
            buffer[1] = 1
        """,
        "`buffer`, a global of `prices`",
    ),
    "an attribute of an object": (
        """
        class Account:
            def __init__(self): self.balance = 0
            def pay(self, x): self.balance += x
        account = Account()
        def step(s):
            account.pay(s.x)
        """,
        "`account.balance`, where `account` is a global of `prices`",
    ),
    "a slot of an object within an object": (
        """
        class Purse:
            __slots__ = ("coins",)
        class Account:
            def __init__(self): self.purse = Purse(); self.purse.coins = 3
        account = Account()
        def step(s):
            account.purse.coins -= 1
        """,
        "`account.purse.coins`, where `account` is a global of `prices`",
    ),
    "a list within an object": (
        """
        class Account:
            def __init__(self): self.log = []
        account = Account()
        def step(s):
            account.log.append(1)
        """,
        "`account.log`, where `account` is a global of `prices`",
    ),
    "the class of an object": (
        """
        class Sober: pass
        class Drunk: pass
        one = Sober()
        def step(s):
            one.__class__ = Drunk
        """,
        "`one.__class__`, where `one` is a global of `prices`",
    ),
    "an attribute of a class": (
        """
        class Account:
            count = 0
        def step(s):
            Account.count += 1
        """,
        "`count`, an attribute of the class `Account`",
    ),
    "a new attribute of a class": (
        """
        class Account: pass
        def step(s):
            Account.count = 1
        """,
        "`count`, an attribute of the class `Account`",
    ),
    "an attribute of a base class, by a class method": (
        """
        class Base:
            count = 0
            @classmethod
            def make(cls): Base.count += 1; return cls()
        class Account(Base): pass
        def step(s):
            Account.make()
        """,
        "`count`, an attribute of the class `Base`",
    ),
    "a closure": (
        """
        def make():
            calls = 0
            def step(s):
                nonlocal calls
                calls += 1
            return step
        step = make()
        """,
        "`calls`, a variable of the function around `step`",
    ),
    "a list in a closure": (
        """
        def make():
            calls = []
            return lambda s: calls.append(s.n)
        step = make()
        """,
        "`calls`, a variable of the function around `<lambda>`",
    ),
    "a default argument": (
        """
        def step(s, seen=[]):
            seen.append(s.n)
        """,
        "`seen`, a default argument of `step`",
    ),
    "a default argument by keyword, of a helper": (
        """
        def helper(*, memory={}):
            memory[len(memory)] = 1
        def step(s):
            helper()
        """,
        "`memory`, a default argument of `helper`",
    ),
    "an attribute of a function": (
        """
        def step(s):
            step.calls = getattr(step, "calls", 0) + 1
        """,
        "`step.calls`, where `step` is a function",
    ),
    "an attribute of a function that has one": (
        """
        def step(s):
            step.calls += 1
        step.calls = 0
        """,
        "`step.calls`, where `step` is a function",
    ),
    "the code of a function": (
        """
        def price(): return 1
        def other(): return 2
        def step(s):
            price.__code__ = other.__code__
        """,
        "`price`, a function",
    ),
    "a function that is replaced": (
        """
        def price(): return 1
        def step(s):
            global price
            price = lambda: 2
        """,
        "`price`, a global of `prices`",
    ),
    "a table of functions": (
        """
        rules = {"a": lambda x: x}
        def step(s):
            rules["b"] = lambda x: -x
        """,
        "`rules`, a global of `prices`",
    ),
    "a global of a helper's helper": (
        """
        total = 0
        def inner():
            global total
            total += 1
        def outer(): return [inner() for _ in range(2)]
        def step(s):
            outer()
        """,
        "`total`, a global of `prices`",
    ),
    "a global by exec": (
        """
        total = 0
        def step(s):
            exec("total += 1", globals())
        """,
        "`total`, a global of `prices`",
    ),
    "a global by its text": (
        """
        total = 0
        def step(s):
            globals()["tot" + "al"] = 1
        """,
        "`total`, a global of `prices`",
    ),
    "an attribute of a class by its text": (
        """
        class Account:
            count = 0
        def step(s):
            setattr(Account, "co" + "unt", 1)
        """,
        "`count`, an attribute of the class `Account`",
    ),
    "a partial function": (
        """
        from functools import partial
        def helper(memory, s): memory.append(s.n)
        step = partial(helper, [])
        """,
        "`helper`, a partial function with arguments of its own",
    ),
    "the object of a method": (
        """
        class Model:
            calls = 0
            def step(self, s): self.calls += 1
        step = Model().step
        """,
        "`self.calls`, where `self` is the object that the step is a method of",
    ),
    "an object that can be called": (
        """
        class Step:
            def __init__(self): self.calls = 0
            def __call__(self, s): self.calls += 1
        step = Step()
        """,
        "`self.calls`, where `self` is the object that is called as the step",
    ),
    "a decorator's own count": (
        """
        from functools import wraps
        def counted(function):
            calls = 0
            @wraps(function)
            def inner(*args):
                nonlocal calls
                calls += 1
                return function(*args)
            return inner
        @counted
        def price(): return 1
        def step(s): price()
        """,
        "`calls`, a variable of the function around `price`",
    ),
    "a function that a library calls": (
        """
        from functools import singledispatch
        shown = []
        @singledispatch
        def show(x): return "?"
        @show.register
        def _(x: int): shown.append(x)
        def step(s): show(s.n)
        """,
        "`shown`, a global of `prices`",
    ),
    "a global of a module's own __getattr__": (
        """
        import sys
        asked = []
        def __getattr__(name): asked.append(name)
        me = sys.modules[__name__]
        def step(s): me.fee
        """,
        "`asked`, a global of `prices`",
    ),
    "a generator of random numbers": (
        """
        import random
        dice = random.Random(3)
        def step(s):
            s.x = dice.randint(1, 6)
        """,
        "`dice`, a global of `prices`",
    ),
    "a bound method of a generator": (
        """
        import random
        roll = random.Random(3).random
        def step(s):
            s.x = roll()
        """,
        "`roll`, a global of `prices`",
    ),
    "numpy's generator": (
        """
        import numpy as np
        rng = np.random.default_rng(3)
        def step(s):
            s.x = rng.normal()
        """,
        "`rng`, a global of `prices`",
    ),
    "a decimal context": (
        """
        import decimal
        context = decimal.Context(prec=7)
        def step(s):
            context.prec = 8
        """,
        "`context`, a global of `prices`",
    ),
    "a context variable": (
        """
        from contextvars import ContextVar
        level = ContextVar("level", default=0)
        def step(s):
            level.set(level.get() + 1)
        """,
        "`level`, a global of `prices`",
    ),
    "what each thread has of its own": (
        """
        import threading
        own = threading.local()
        own.n = 0
        def step(s):
            own.n += 1
        """,
        "`own`, a global of `prices`",
    ),
    "a list that a cache keeps": (
        """
        from functools import lru_cache
        @lru_cache
        def table(): return []
        table()
        def step(s):
            table().append(1)
        """,
        "`table(...)`, which its cache keeps",
    ),
    "an attribute of a library's module": (
        """
        import string
        def step(s):
            string.whitespace = "none"
        """,
        "`whitespace`, a global of `string`",
    ),
    "a ctypes value": (
        """
        import ctypes
        number = ctypes.c_int(3)
        def step(s):
            number.value += 1
        """,
        "`number`, a global of `prices`",
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_named_with_its_place(kind: str, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    import string

    monkeypatch.setattr(string, "whitespace", string.whitespace)
    source, place = CHANGES[kind]
    module = load(source)
    watch = Watch([module.step])
    assert not watch.change()
    module.step(state())
    assert watch.change() == f"the step changes {place.replace('prices', module.__name__)}: put it into the state"


HARMLESS = {
    "reading a global": """
        fee, table = 0.5, {"a": [1, 2]}
        def step(s): s.x += fee * len(table["a"])
        """,
    "a cache of numbers": """
        from functools import lru_cache
        @lru_cache
        def fibonacci(n): return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
        def step(s): s.x = fibonacci(30 + s.n)
        """,
    "a cache without a limit, of a method": """
        from functools import cache
        class Rule:
            @cache
            def of(self, n): return n * 2
        rule = Rule()
        def step(s): s.x = rule.of(s.n)
        """,
    "a cache of lists that are only read": """
        from functools import lru_cache
        @lru_cache
        def table(n): return [n]
        def step(s): s.x = table(s.n)[0]
        """,
    "a property that is cached": """
        from functools import cached_property
        class Rule:
            @cached_property
            def table(self): return [1, 2, 3]
        rule = Rule()
        def step(s): s.x = rule.table[1]
        """,
    "regular expressions": """
        import re
        word = re.compile("a+")
        def step(s): s.x = len(word.findall("aab")) + len(re.findall("b" * (s.n + 1), "bb"))
        """,
    "a warning that is ignored": """
        import warnings
        def step(s):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.warn("old", DeprecationWarning)
        """,
    "a message below the level of logging": """
        import logging
        log = logging.getLogger("prices")
        def step(s): log.debug("n is %d", s.n)
        """,
    "a module that is imported late": """
        def step(s):
            import colorsys
            s.x = colorsys.rgb_to_hsv(0.1, 0.2, 0.3)[0]
        """,
    "an equal list in the place of another": """
        recent = [1, 2]
        def step(s):
            global recent
            recent = list(recent)
        """,
    "a global that gets an equal value": """
        mode = (1, "a")
        def step(s):
            global mode
            mode = (s.n // 100 + 1, "a")
        """,
    "a list that is used and emptied": """
        scratch = []
        def step(s):
            scratch.append(s.n)
            scratch.clear()
        """,
    "rounding in the decimal context": """
        from decimal import Decimal
        def step(s): s.y = Decimal(1) / Decimal(3)
        """,
    "a decimal context of its own": """
        import decimal
        def step(s):
            with decimal.localcontext() as context:
                context.prec = 50
                s.y = decimal.Decimal(1) / 3
        """,
    "numpy's errors for a moment": """
        import numpy as np
        def step(s):
            with np.errstate(all="ignore"):
                s.y = np.float64(1) / 0
        """,
    "a lock": """
        import threading
        lock, again = threading.Lock(), threading.RLock()
        def step(s):
            with lock, again: s.n += 1
        """,
    "dataclasses, named tuples and enumerations": """
        import dataclasses, enum, typing
        @dataclasses.dataclass
        class Point:
            x: int = 0
            tags: list = dataclasses.field(default_factory=list)
        class Pair(typing.NamedTuple):
            a: int
        class Mode(enum.Enum):
            CODE = 1
        Item = typing.TypeVar("Item")
        class Stack(typing.Generic[Item]):
            def __init__(self): self.items = []
        def step(s):
            s.point, s.pair, s.mode, s.stack = Point(s.n), Pair(s.n), Mode(1), Stack()
            s.point.tags.append(repr(s.point))
        """,
    "a table of functions": """
        import operator
        rules = {"+": operator.add, "neg": lambda x: -x, "get": operator.itemgetter(0)}
        def step(s): s.x = rules["neg"](rules["+"](s.x, 1))
        """,
    "an attribute with the name of a global": """
        counter = 0
        def step(s): s.counter = s.n + 1
        """,
    "a generator with a seed": """
        import random
        import numpy as np
        def step(s): s.x = random.Random(s.n).random() + np.random.default_rng(s.n).random()
        """,
    "a single dispatch": """
        from functools import singledispatch
        @singledispatch
        def show(x): return "?"
        @show.register
        def _(x: int): return "int"
        def step(s): s.y = show(s.n)
        """,
    "asking for the process": """
        import os, threading
        def step(s): s.pid = (os.getpid(), threading.current_thread().name, threading.get_ident())
        """,
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_does_not_change_is_never_named(kind: str, load: Load) -> None:
    module = load(HARMLESS[kind])
    watch = Watch([module.step])
    assert not watch.hindrance
    words = state()
    for _ in range(3):
        module.step(words)
        words.n += 1
        assert not watch.change()


def test_what_the_import_of_a_library_sets_is_not_blamed_on_the_step(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asc_toy.ambient import origin

    (tmp_path / "late_library.py").write_text(
        "import os, warnings\nwarnings.simplefilter('error')\nos.environ['ASC_LATE'] = '1'"
    )
    module = load("def step(s): import late_library")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(origin, "is_library_file", lambda file: "late_library" in file)
    monkeypatch.setenv("ASC_LATE", "0")
    with warnings.catch_warnings():
        watch = Watch([module.step])
        module.step(state())
        assert not watch.hindrance
        assert not watch.change()
        os.environ["ASC_LATE"] = "2"
        assert "os.environ" in watch.change()
    del sys.modules["late_library"]


def test_a_list_that_took_the_place_of_an_equal_one_is_watched(load: Load) -> None:
    module = load(HARMLESS["an equal list in the place of another"])
    watch = Watch([module.step])
    module.step(state())
    assert not watch.change()
    module.recent.append(3)
    assert "`recent`" in watch.change()


def test_a_list_that_a_cache_keeps_later_is_watched_from_then_on(load: Load) -> None:
    module = load(HARMLESS["a cache of lists that are only read"])
    watch = Watch([module.step])
    module.step(state())
    assert watch.keeps_more() == "table"
    assert not watch.change()
    assert not watch.keeps_more()
    module.table(0).append(1)
    assert "changes `table(...)`, which its cache keeps" in watch.change()


def test_methods_of_the_states_own_objects_are_followed(load: Load) -> None:
    module = load(
        """
        made = 0
        class Account:
            def pay(self):
                global made
                made += 1
        def step(s): s.accounts["a"][0].pay()
        """
    )
    words = state(accounts={"a": [module.Account()]})
    watch = Watch([module.step], vars(words).values())
    module.step(words)
    assert "`made`" in watch.change()


def test_a_module_that_is_reached_by_its_name_is_followed(load: Load) -> None:
    module = load("fees = {'a': 1}\ndef fee(x): return fees[x]", "fee_table")
    user = load("import fee_table\ndef step(s): s.x = fee_table.fee('a')")
    watch = Watch([user.step])
    user.step(state())
    assert not watch.change()
    module.fees["a"] = 2
    assert watch.change() == "the step changes `fees`, a global of `fee_table`: put it into the state"


def test_the_condition_for_the_end_is_watched_too(load: Load) -> None:
    module = load("asked = []\ndef step(s): s.n += 1\ndef until(s): return asked.append(1)")
    watch = Watch([module.step, module.until])
    module.until(state())
    assert "`asked`" in watch.change()


def test_large_tables_that_never_change_cost_no_look_inside(load: Load) -> None:
    module = load("table = tuple((i, str(i)) for i in range(50_000))\ndef step(s): s.x = table[s.n][0]")
    watch = Watch([module.step])
    assert watch._record._parts == []  # a tuple of tuples of numbers cannot change
    assert not watch.change()


SURROUNDINGS = {
    "random": ("import random", "random.random()", "draws from the generator of `random`: put random.Random(seed)"),
    "random.gauss": ("import random", "random.gauss()", "draws from the generator of `random`"),
    "random.seed": ("import random", "random.seed(7)", "draws from the generator of `random`"),
    "numpy": (
        "import numpy as np",
        "np.random.rand()",
        "draws from the generator of `np.random`: put np.random.default",
    ),
    "numpy's shuffle": (
        "import numpy as np",
        "np.random.shuffle([1, 2, 3])",
        "draws from the generator of `np.random`",
    ),
    "decimal": ("import decimal", "decimal.getcontext().prec = 50", "changes the decimal context"),
    "decimal's traps": (
        "import decimal",
        "decimal.getcontext().traps[decimal.Inexact] = True",
        "changes the decimal context",
    ),
    "numpy's errors": ("import numpy as np", "np.seterr(all='raise')", "changes numpy's handling of errors"),
    "numpy's printing": ("import numpy as np", "np.set_printoptions(precision=3)", "changes numpy's print options"),
    "environment": ("import os", "os.environ['ASC_PRICES'] = '1'", "changes os.environ"),
    "folder": ("import os", "os.chdir('/')", "changes the current folder"),
    "recursion": ("import sys", "sys.setrecursionlimit(4321)", "changes a limit of `sys`"),
    "warnings": ("import warnings", "warnings.simplefilter('error')", "changes the filters of warnings"),
}


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the surroundings back."""
    import decimal
    import random

    monkeypatch.chdir(os.getcwd())
    kept = random.getstate(), np.random.get_state(), np.geterr(), np.get_printoptions(), sys.getrecursionlimit()
    with warnings.catch_warnings(), decimal.localcontext():
        yield
    random.setstate(kept[0])
    np.random.set_state(kept[1])
    np.seterr(**kept[2])
    np.set_printoptions(**kept[3])
    sys.setrecursionlimit(kept[4])
    os.environ.pop("ASC_PRICES", None)


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize("kind", SURROUNDINGS)
def test_changed_surroundings_are_named_with_what_to_do_instead(kind: str, load: Load) -> None:
    setup, line, expected = SURROUNDINGS[kind]
    module = load(f"{setup}\ndef step(s):\n    {line}")
    watch = Watch([module.step])
    assert not watch.change()
    module.step(state())
    assert watch.change().startswith(f"the step {expected}")


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize("seed", range(20))
def test_a_draw_is_found_for_every_seed(seed: int, load: Load) -> None:
    import random

    module = load(
        "import random\nimport numpy as np\ndef step(s): s.x = random.random()\ndef other(s): np.random.randn()"
    )
    random.seed(seed)
    np.random.seed(seed)
    watch = Watch([module.step])
    module.step(state())
    assert "generator of `random`" in watch.change()
    for _ in range(4):  # numpy keeps the second of two normal numbers
        watch = Watch([module.other])
        module.other(state())
        assert "generator of `np.random`" in watch.change()


def test_a_draw_from_torchs_generator_is_found(load: Load) -> None:
    torch = pytest.importorskip("torch")
    module = load("import torch\ndef step(s): s.x = float(torch.rand(1))")
    with torch.random.fork_rng(devices=[]):
        watch = Watch([module.step])
        assert not watch.change()
        module.step(state())
        assert "draws from the generator of `torch`" in watch.change()


def test_tensors_and_modules_of_torch_are_compared(load: Load) -> None:
    pytest.importorskip("torch")
    module = load(
        """
        import torch
        layer = torch.nn.Linear(2, 3)
        def step(s):
            with torch.no_grad(): layer.weight[0, 0] += 1
        """
    )
    watch = Watch([module.step])
    assert not watch.change()
    module.step(state())
    assert "changes `layer`, a global of" in watch.change()


HINDRANCES = {
    "an open file": (
        "log = open(__file__)\ndef step(s): log.write('x')",
        "`log`, a global of `prices`. It is an open file,",
    ),
    "a generator": (
        "numbers = (i for i in range(9))\ndef step(s): s.n = next(numbers)",
        "`numbers`, a global of `prices`. It is a generator,",
    ),
    "an iterator": (
        "import itertools\nnumbers = itertools.count()\ndef step(s): s.n = next(numbers)",
        "`numbers`, a global of `prices`. It is an iterator,",
    ),
    "an open file in a closure": (
        "def make(log): return lambda s: log.write('x')\nlog = open(__file__)\nstep = make(log)",
        "`log`, a variable of the function around `<lambda>`. It is an open file,",
    ),
    "an object that nothing can look into": (
        "import queue\nwaiting = queue.SimpleQueue()\ndef step(s): waiting.put(1)",
        "`waiting`, a global of `prices`. It is an object of the class _queue.SimpleQueue,",
    ),
}


@pytest.mark.parametrize("kind", HINDRANCES)
def test_what_cannot_be_compared_stands_in_the_way_of_skipping(kind: str, load: Load) -> None:
    source, expected = HINDRANCES[kind]
    module = load(source.replace("__file__", repr(os.devnull)))
    hindrance = Watch([module.step]).hindrance
    assert hindrance.startswith(f"The step reaches {expected.replace('prices', module.__name__)}")
    assert hindrance.endswith("nothing can tell whether a step changes it.")


def test_what_the_step_does_not_reach_is_no_hindrance(load: Load) -> None:
    module = load(
        """
        log = None
        class Account:
            def pay(self): return 1
            def tell(self): log.write("x")
        account = Account()
        def step(s): s.n += account.pay() + len(s.words)
        """
    )
    with open(__file__) as module.log:  # type: ignore[attr-defined]
        assert not Watch([module.step]).hindrance


def test_a_module_of_the_user_that_a_step_imports_itself_stands_in_the_way(tmp_path: Path, load: Load) -> None:
    (tmp_path / "late_fees.py").write_text("fee = 1")
    module = load("def step(s):\n    import late_fees\n    s.n += late_fees.fee")
    sys.path.insert(0, str(tmp_path))
    try:
        assert "imports the module `late_fees`" in Watch([module.step]).hindrance
        module.step(state())
        assert not Watch([module.step]).hindrance
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("late_fees", None)


FACTS = {
    "deletes": ("def step(s): del s.x", "deletes"),
    "deletes by vars": ("def step(s): vars(s).pop('x')", "deletes"),
    "rebinds a global": ("n = 0\ndef step(s):\n    global n\n    n = 1", "rebinds"),
    "rebinds a closure": (
        "def make(n):\n    def step(s):\n        nonlocal n\n        n = 1\n    return step\nstep = make(1)",
        "rebinds",
    ),
    "makes a set": ("def step(s): s.y = {s.n, s.x}", "hashes"),
    "hashes": ("def step(s): s.y = hash(s.x)", "hashes"),
    "combines views": ("def step(s): s.y = s.a.keys() & s.b.keys()", "hashes"),
    "loops over a set": ("names = frozenset({'a', 'b'})\ndef step(s): s.y = [x for x in names]", "hashes"),
    "loops over a constant set": ("def step(s): s.y = [x for x in {'a', 'b', 'c'}]", "hashes"),
}


@pytest.mark.parametrize("fact", ["deletes", "rebinds", "hashes"])
@pytest.mark.parametrize("kind", FACTS)
def test_what_the_code_does_is_known(kind: str, fact: str, load: Load) -> None:
    source, expected = FACTS[kind]
    assert getattr(Watch([load(source).step]).reach, fact) is (fact == expected)


def test_a_frozen_dataclass_neither_deletes_nor_shows_a_hash(load: Load) -> None:
    module = load(
        """
        import dataclasses
        @dataclasses.dataclass(frozen=True)
        class Point:
            x: int
        def step(s): s.seen = {Point(s.n): 1}
        """
    )
    reach = Watch([module.step]).reach
    assert not reach.deletes
    assert not reach.hashes


def test_a_set_that_is_only_asked_whether_it_has_a_member_needs_no_order(load: Load) -> None:
    module = load("names = {'a', 'b'}\ndef step(s): s.y = s.x in names or s.x in {'c', 'd'}")
    assert not Watch([module.step]).reach.hashes


def test_a_set_in_the_state_may_show_its_order(load: Load) -> None:
    module = load("def step(s): s.y = list(s.words)")
    assert Watch([module.step], [{"a", "b"}]).reach.hashes
    assert not Watch([module.step], [{1, 2}]).reach.hashes


def test_the_names_that_the_code_uses_are_known(load: Load) -> None:
    module = load("fee = 1\ndef helper(s): return s.deep\ndef step(s): s.total = fee + helper(s)")
    assert Watch([module.step]).reach.names >= {"fee", "helper", "deep", "total"}


APPLIED = {
    "a function": ("def step(s): s.y = type(s.x)", True),
    "a function that is handed on": ("def step(s): s.y = list(map(type, s.x))", True),
    "an attribute": ("import builtins\ndef step(s): s.y = builtins.type(s.x)", True),
    "a method": ("class A:\n    def kind(self): return type(self)\ndef step(s): A().kind()", True),
    "of its own object": ("class A:\n    def __len__(self): return type(self) is A\ndef step(s): len(A())", False),
    "of a part": ("class A:\n    def __len__(self): return type(self.x) is A\ndef step(s): len(A())", True),
    "of another one": ("class A:\n    def __eq__(self, other): return type(other) is A\ndef step(s): A() == s.x", True),
    "of both": ("class A:\n    def __eq__(a, b): return type(a) is type(b)\ndef step(s): A() == s.x", True),
    "under its own object's name": (
        "class A:\n    def __eq__(a, b):\n        a = b\n        return type(a) is A\ndef step(s): A() == s.x",
        True,
    ),
    "a frozen dataclass": (
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass A:\n    x: int\ndef step(s): s.y = A(s.x)",
        False,
    ),
    "a frozen dataclass with slots": (
        "import dataclasses\n@dataclasses.dataclass(frozen=True, slots=True, order=True)\nclass A:\n    x: int\n"
        "def step(s): s.y = A(s.x)",
        False,
    ),
}


@pytest.mark.parametrize("kind", APPLIED)
def test_a_name_is_applied_unless_special_methods_alone_call_it_with_their_own_object(kind: str, load: Load) -> None:
    source, applied = APPLIED[kind]
    reach = Watch([load(source).step]).reach
    assert ("type" in reach.names_applied) is applied
