"""Statements over scalar words and over the state as an object."""

from __future__ import annotations

from fuzzing.pool.template import templates

CALM = templates("""
s.<+int> = <value>

s.<+int> += <c>

s.<+int> -= <c>

s.<+float> = <real>

s.<+float> += 0.5

s.<+text> = str(<value>)

s.<+text> = f"{LABEL}-{<value>:03d}"

s.<+bytes> = bytes([<value> % 256, <c>])

s.<+flag> = <value> > 3

s.<+scalar> = np.float32(<real>)

s.<+scalar> = np.int16(<value> % 100)

s.<+scalar> = s.<scalar>

s.add("<+total>", <value>)

s.add("<+total>", -<c>)

s.minimum("<+total2>", -<value>)

s.maximum("<+total2>", <value>)

s.bit_or("<+bits>", 1 << <c>)

s.bit_xor("<+bits>", <value>)

s.bit_and("<+bits2>", ~(<value> % 8))

x = <value>
s.<+int> = x if x > 2 else -x

if <value> % 2:
    s.<+int> = <c>
else:
    s.<+int2> = <value>

if <value> % 2:
    s.<+float> = <real>

s.<+float> = -0.0 if s.n % 2 else 0.0

s.<+float> = float("nan") if s.n % 3 == 0 else 1.5

s.<+float> = math.inf if s.n % 5 == 0 else <real>

s.<+int> = 3 ** (s.n % 90)

s.<+int> = len(vars(s))

s.<+int> = sum(v for k, v in vars(s).items() if k[0] == "i" and type(v) is int)

s.<+int> = sorted(vars(s)).index("n")

s.<+int> = list(vars(s)).index("n")

s.<+flag> = hasattr(s, "<fresh>")

s.<+flag> = "<fresh>" in s.__dict__

s.<+int> = getattr(s, "<fresh>", <c>)

setattr(s, "<+int>", getattr(s, "n") + 1)

object.__setattr__(s, "<+int>", <value>)

vars(s)["<+int>"] = <value>

vars(s).update({"<+int>": <value>, "<+int2>": <c>})

s.<+int> = vars(s)["n"] + <c>

s.__dict__["<fresh>"] = <value>

x = {**vars(s)}
s.<+int> = x["n"] * 2

s.<+int> = copy.copy(s).n + <c>

s.<+int> = types.SimpleNamespace(**vars(s)).n % 5

try:
    s.missing += 1
except AttributeError:
    s.<+int> = <c>

try:
    s.missing
except AttributeError as error:
    s.<+text> = f"{type(error).__name__}: {error}"

try:
    s.<+int> = 12 // (s.n % 4)
except ZeroDivisionError:
    s.<+int> = -1

try:
    s.<+int> = int(s.<text>)
except ValueError:
    s.<+int> = <c>

try:
    s.<+int> = <value>
    raise KeyError("no")
except KeyError as error:
    s.<+int2> = len(error.args)
finally:
    s.<+flag> = s.n % 2 == 0

for k in range(3):
    s.add("<+total>", k * <value>)

k = 0
while k < s.n % 4:
    k += 1
s.<+int> = k

s.<+int> = collatz(<value> % 20 + 1)

s.<+int> = weigh(<value>)

s.<+int> = blend(<value>)

s.<+int> = scaled(<value>)

s.<+int> = TABLE[s.n % 4] + FEE

s.<+int> = SCALES[NAMES[s.n % 4]]

s.<+float> = float(WEIGHTS[s.n % 6]) * 2

s.<+int> = sum(squares(s.n % 5))

with LOCK:
    s.<+int> = <value>

s.<+int> = isinstance(s.<int>, int) + isinstance(s.<flag>, int)

s.<+int> = (<value>).bit_length()

s.<+text> = type(s.<int>).__name__

s.<+int> = len(PATTERN.findall(s.<text>)) if COLOURS else 0

s.<+int> = functools.reduce(operator.add, range(s.n % 5), <c>)

s.<+int> = random.Random(s.n).randrange(10)

s.<+float> = float(np.random.default_rng(s.n % 4).random())

s.<+int> = fees.charge(<c>)

s.<+int> = eval("s.n + 1", {"s": s})

lost = s.<float>
s.<+flag> = lost == lost

s.<+float> = math.copysign(2.0, s.<float2>)

s.<+text> = str(s.<float>)

s.<+text> = repr(s.<scalar>)

s.<+text> = repr(s.<flag>) + repr(s.<int>)

s.<+text> = repr(getattr(s, "<odd>", None))[:20]

s.<+text> = repr(getattr(s, "<fresh>", None))[:20]

s.<+text> = type(getattr(s, "<odd>", None)).__name__

s.<+int> = np.size(getattr(s, "<keep>", 0))

s.<+float> = float(np.sum(getattr(s, "<keep>", 0)))

s.<+int> = (lambda v=<c>: v + s.n)()
""")

WILD = templates("""
s.<int> = (s.<int> * 5 + <c>) % 97

s.<int> ^= <value>

s.<int> = s.<int2> + 1

s.<int>, s.<int2> = s.<int2>, s.<int>

s.<int> = True if type(s.<int>) is int else 1

s.<flag> = not s.<flag>

s.<float> = s.<float> * 1.25 % 8.0

s.<float> += 0.1

s.<float> = -s.<float>

s.<float>, s.<float2> = s.<float2>, s.<float>

s.<text> = s.<text>[1:] + s.<text>[:1]

s.<text> = (s.<text> + "x")[-6:]

s.<bytes> = s.<bytes>[::-1] + b"."
s.<bytes> = s.<bytes>[:5]

s.<scalar> += type(s.<scalar>)(1)

s.<scalar> = np.float64(s.<float>)

s.<total> = s.<total> % 50

s.<total> += 1
s.add("<total>", 2)
s.<int> = s.<total> % 9

s.<total> = s.<total> * 0.5
s.add("<total>", 1)

s.<total> = int(s.<total>) % 90

s.<bits> = int(s.<bits>) >> 1
s.bit_or("<bits>", 4)
s.bit_xor("<bits>", <value>)

s.minimum("<total>", 5)
s.add("<total>", 3)
s.maximum("<total>", <value>)

s.<float> = 0.0 if s.n % 2 else -0.0

s.<fresh> = s.n

s.<fresh> = s.<int>

if hasattr(s, "<odd>"):
    s.<int> = len(str(s.<odd>)) % 7
    del s.<odd>

s.<odd> = getattr(s, "<odd2>", None)
s.<odd2> = None

s.<odd> = [s.n % 4, 2.5, "x"]

s.<odd> = {s.n % 4, 9}

s.<odd> = np.zeros((2, s.n % 3))

if hasattr(s, "<fresh>"):
    del s.<fresh>

vars(s).pop("<fresh>", None)

if s.n % 2:
    s.<fresh> = <c>
elif hasattr(s, "<fresh>"):
    del s.<fresh>

for name in [name for name in vars(s) if name.startswith("late")]:
    delattr(s, name)

x = s.<int>
del s.<int>
s.<int> = x

x = vars(s).pop("<int>")
s.<fresh> = x
s.<int> = x + 1

s.<odd> = <value> if s.n % 2 else [<c>, 2]

s.<odd> = None

s.<odd> = str(s.n % 3)

s.<odd> = np.arange(s.n % 4)

s.<odd> = (s.n % 3, 1.5)

s.<odd> = {"k": s.n % 3}

s.<odd> = complex(s.n % 4, -0.0)

x = s.__dict__
x["<int>"] += 1

vars(s)["<int>"] = vars(s).pop("<int>")

x = dict(vars(s))
vars(s).clear()
vars(s).update(reversed(x.items()))

x = dict(sorted(vars(s).items(), reverse=s.n % 2 == 0))
vars(s).clear()
vars(s).update(x)

for name, value in list(vars(s).items()):
    if name[0] == "i":
        setattr(s, name, value + 1)

if s.<flag>:
    s.<int> = <value>
else:
    s.<float> = <real>

s.<int> = sum(len(name) for name in vars(s)) % 11

s.<text> = ",".join(vars(s))[-9:]

s.<int> = hash(s.<text>) % 7

s.<text> = json.dumps({"n": s.n, "x": s.<int>})[-8:]

s.<int> = int(s.<float> * 10) if math.isfinite(s.<float>) else 0

s.<int> = (s.<int> + s.<flag>) & 63

s.<float> = float(decimal.Decimal(s.n) / 7)
""")

DOUBTFUL = (
    *templates("s.<fresh> = s", "late", "itself", "state"),
    *templates("s._hidden = <value>", "_hidden"),
    *templates('s.<fresh> = iter([1, 2])\n\ns.<fresh> = (v for v in "ab")\n\ns.<fresh> = lambda: 3', "late"),
    *templates("s.<fresh> = open(os.devnull)\ns.<fresh>.close()", "late", "open", "file"),
    *templates('s.__dict__ = {**vars(s), "<int>": <value>}\n\nvars(s)["no name"] = 1', "__dict__", "no name"),
    *templates("s.__class__ = type('State', (type(s),), {})", "__class__", "class"),
)
