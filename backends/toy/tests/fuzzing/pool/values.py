"""What words start from, and expressions that depend on nothing but the counter and constants."""

from __future__ import annotations

INTEGERS = (
    "s.n",
    "s.n",
    "(s.n % 5)",
    "((s.n * 7 + 3) % 11)",
    "(s.n // 2)",
    "TABLE[s.n % 4]",
    "(s.n + <c>)",
    "(FEE * s.n)",
    "(s.n & 3)",
    "<c>",
    "(-s.n % 6)",
    "(s.n**2 % 41)",
    "weigh(s.n % 9)",
    "max(s.n % 7, 2)",
)
REALS = (
    "s.n * 0.5",
    "s.n / 3",
    "math.sin(s.n)",
    "0.1 * (s.n % 4)",
    "-0.0",
    "1e300 * (s.n % 2)",
    "2.5",
    "float(s.n % 3)",
)
INDICES = ("0", "1", "2", "3", "-1", "s.n % 4", "(s.n * 3) % 4", "-(s.n % 3) - 1")

_GRID = "np.arange(20).reshape(4, 5)"
FIRST: dict[str, tuple[str, ...]] = {
    "int": ("0", "5", "-3", "10**20", "1"),
    "float": ("0.5", "-0.0", "3.25", "float('nan')", "1e-3"),
    "flag": ("True", "False"),
    "text": ("'abc'", "''", "'7'", "'äß€'"),
    "bytes": ("b'abc'", "b'\\x00\\xff'"),
    "scalar": ("np.float32(1.5)", "np.int64(3)", "np.float64('nan')", "np.uint8(7)"),
    "total": ("0", "17"),
    "bits": ("0", "5"),
    "ints": ("np.zeros(6, np.int64)", "np.array([4, 1, 3, 1, 5, 9])", "np.arange(6)"),
    "floats": (
        "np.zeros(6)",
        "np.array([0.5, -0.0, 2.0, np.nan, 1e9, 3.0])",
        "np.linspace(0, 1, 6)",
        "np.arange(12.0)[::2]",
    ),
    "grid": (
        _GRID,
        f"np.asfortranarray({_GRID})",
        f"{_GRID}.astype(np.int32)",
        "np.zeros((4, 5), np.int64, order='F')",
    ),
    "mask": ("np.array([1, 0, 1, 0, 0, 1], bool)",),
    "texts": ("np.array(['a', 'bc', '', 'd', 'efghi'])",),
    "dates": ("np.array(['2024-01-01', '2024-02-28', 'NaT', '1970-01-01'], 'datetime64[D]')",),
    "waves": ("np.array([1j, -1, 0.5, 2 - 1j])",),
    "bytebox": ("np.zeros(4, np.uint8)", "np.array([1, 254, 255, 0], np.uint8)"),
    "list": ("[4, 1, 3, 2]", "[0, 0, 0, 0, 0]", "[7, 2, 5, 1]"),
    "dict": ("{'a': 1, 'b': 2, 'c': 3, 'd': 4}", "dict(d=0, c=0, b=0, a=0)"),
    "set": ("{3, 1, 2}", "{10, 20, -7, 1000}"),
    "frozen": ("frozenset({1, 2})",),
    "queue": ("collections.deque([1, 2, 3, 4])", "collections.deque([1, 2, 3], maxlen=3)"),
    "record": ("Point(0.5, 3, [1, 2])",),
    "nested": ("{'rows': [[1, 2], [3, 4], [5, 6]], 'names': {'a': 1}}",),
    "tuple": ("(1, 2, 3)",),
    "decimal": ("decimal.Decimal('1.50')", "decimal.Decimal(7)"),
    "fraction": ("fractions.Fraction(1, 3)",),
    "account": ("Account(5)",),
    "counter": ("collections.Counter('aab')",),
    "mark": ("Mark(1, 'm')",),
    "pair": ("Pair(1, 2)",),
    "default": ("collections.defaultdict(list)",),
    "raw": ("bytearray(b'abcd')",),
    "packed": ("array.array('q', [1, 2, 3, 4])",),
    "slotted": ("Slotted(1, [1, 2])",),
    "ordered": ("collections.OrderedDict(a=1, b=2, c=3)",),
    "moment": ("datetime.datetime(2024, 2, 28, 23, 59, 50)",),
    "complex": ("1 + 2j", "complex(-0.0, 0.0)"),
    "dice": ("random.Random(5)",),
    "generator": ("np.random.default_rng(5)",),
}
"""By kind of word: expressions in the module's `initial`."""

SHARED = {
    "shared": ("shared = [3, 1, 2, 4]", "list"),
    "twice": ("twice = np.arange(6)", "ints"),
    "buffer[1:7]": ("buffer = np.arange(12.0)", "floats"),
}
"""Expressions for two words that hold the same object or memory: the line that they need, and the kind of the words."""

ODD = (
    "np.matrix([[1, 2], [3, 4]])",
    "np.ma.array([1, 2, 3], mask=[0, 1, 0])",
    "np.zeros(2, [('a', 'i4'), ('b', 'f8')])",
    "np.array([1, None, [2]], dtype=object)",
    "np.arange(6.0).reshape(2, 3).T[1:]",
    "np.arange(3, dtype='>i4')",
    "np.zeros((2, 0))",
    "np.array(7.5)",
    "np.arange(3, dtype=np.longdouble)",
    "Account",
    "len",
    "re.compile('a')",
    "range(3)",
    "slice(1, 2)",
    "...",
    "uuid.UUID(int=5)",
    "[[], (), {}, set(), '', None]",
    "open(os.devnull)",
    "iter([1])",
    "threading.Lock()",
    "lambda: 1",
)
"""Values that no statement touches: kept as they are, or refused at the start."""
