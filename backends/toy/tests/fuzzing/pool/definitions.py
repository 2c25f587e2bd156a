"""Imports and definitions that a program's module may have; a program gets those that it uses, by their names."""

from __future__ import annotations

_MODULES = (
    "array bisect collections contextvars copy ctypes dataclasses datetime decimal fractions functools heapq itertools "
    "json locale logging math operator os random re secrets sys threading time torch types uuid warnings"
)
IMPORTS = {
    **{name: f"import {name}" for name in _MODULES.split()},
    "np": "import numpy as np",
    "fees": "from fuzzing import fees",
    "perf_counter": "from time import perf_counter",
    "randrange": "from random import randrange",
}

DEFINITIONS = {
    "FEE": "FEE = 3",
    "LABEL": 'LABEL = "item"',
    "TABLE": "TABLE = (1, 5, 2, 7)",
    "NAMES": 'NAMES = ["a", "b", "c", "d"]',
    "SCALES": 'SCALES = {"a": 2, "b": 3, "c": 5, "d": 7}',
    "WEIGHTS": "WEIGHTS = np.array([0.5, 0.25, 2.0, 1.0, 0.1, 3.0])",
    "MASKS": "MASKS = np.array([[1, 0, 0, 1, 1, 0], [0, 1, 0, 0, 0, 1]], bool)",
    "COUNT": "COUNT = 0",
    "LOG": "LOG = []",
    "CACHE": "CACHE = {}",
    "SEEN": "SEEN = set()",
    "BUFFER": "BUFFER = np.zeros(6, np.int64)",
    "GENERATOR": "GENERATOR = np.random.default_rng(7)",
    "DICE": "DICE = random.Random(7)",
    "IDS": "IDS = itertools.count()",
    "LOCK": "LOCK = threading.Lock()",
    "SETTING": 'SETTING = contextvars.ContextVar("SETTING", default=0)',
    "DIARY": 'DIARY = os.environ["FUZZED_DIARY"]',
    "CLOCK": "CLOCK = time.monotonic",
    "COLOURS": 'PATTERN = re.compile(r"[ace]+")\nCOLOURS = {"red": "#f00", "blue": "#00f"}',
    "Point": """
@dataclasses.dataclass
class Point:
    x: float
    y: int
    tags: list

    def moved(self, by):
        return Point(self.x + by, self.y, list(self.tags))

    def push(self, value):
        self.tags.append(value)
        del self.tags[0]
""",
    "Mark": """
@dataclasses.dataclass(frozen=True)
class Mark:
    at: int
    name: str
""",
    "Pair": 'Pair = collections.namedtuple("Pair", "left right")',
    "Account": """
class Account:
    rate = 2

    def __init__(self, balance):
        self.balance = balance

    def pay(self, amount):
        self.balance = (self.balance + amount * self.rate) % 1000
""",
    "Slotted": """
class Slotted:
    __slots__ = ("head", "tail")

    def __init__(self, head, tail):
        self.head, self.tail = head, tail
""",
    "Meter": """
class Meter:
    used = 0

    def tick(self):
        Meter.used += 1
        return Meter.used
""",
    "METER": "METER = Meter()",
    "weigh": """
@functools.lru_cache(maxsize=None)
def weigh(value):
    return value * value % 13
""",
    "collatz": """
def collatz(value):
    steps = 0
    while value > 1:
        value = 3 * value + 1 if value % 2 else value // 2
        steps += 1
    return steps
""",
    "blend": """
def blend(value, *, scale=FEE):
    return (value * scale + len(TABLE)) % 31
""",
    "burn": """
def burn(rounds):
    x = 1
    for _ in range(rounds):
        x = x * 5 % 1009
    return x
""",
    "scaled": """
def scaler(factor):
    def scaled(value):
        return value * factor % 50

    return scaled


scaled = scaler(3)
""",
    "tick": """
def ticker():
    count = 0

    def tick():
        nonlocal count
        count += 1
        return count

    return tick


tick = ticker()
""",
    "remember": """
def remember(value, seen=[0]):
    seen[0] += value
    return seen[0]
""",
    "tally": """
def tally(value):
    tally.total = getattr(tally, "total", 0) + value
    return tally.total
""",
    "noisy": """
def noisy(value):
    print("at", value)
    return value
""",
    "squares": """
def squares(limit):
    for value in range(limit):
        yield value * value
""",
}
"""In the order of a module: a block may use those before it."""
