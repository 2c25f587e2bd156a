"""Statements that read or change what is not in the state."""

from __future__ import annotations

from fuzzing.pool.template import Template, templates

HARMLESS = (
    Template("s.<+int> = fees.charge(<value>)", first="fees.FEE = 4"),
    Template("s.<+decimal> = decimal.Decimal(<value>) / 7", first="decimal.getcontext().prec = 50"),
    Template("s.<+text> = str(decimal.Decimal(2).sqrt())", first="decimal.getcontext().rounding = decimal.ROUND_UP"),
    Template(
        "try:\n    s.<+float> = float(np.float64(1) / np.float64(s.n % 3))\nexcept FloatingPointError:\n"
        "    s.<+float> = -1.0",
        first='np.seterr(divide="raise")',
    ),
    Template('s.<+text> = os.environ.get("FUZZED", "none")', first='os.environ["FUZZED"] = "set"'),
    Template("s.<+int> = len(LOG) + <c>", first="LOG.append(5)"),
    Template("s.<+int> = FEE * <value>", first="globals().update(FEE=11)"),
    Template("s.<+int> = Account.rate + <c>", first="Account.rate = 7"),
    Template("s.<+int> = SETTING.get() + <value>", first="SETTING.set(5)"),
    Template('s.<+text> = "".join({"x", "y", "z", str(s.n % 3)})'),
    Template(
        "try:\n    warnings.warn('w')\n    s.<+int> = 0\nexcept UserWarning:\n    s.<+int> = <value>",
        first='warnings.simplefilter("error")',
    ),
    Template("s.<+int> = sys.getrecursionlimit() % 100", first="sys.setrecursionlimit(1100)"),
    Template("s.<+int> = BUFFER[s.n % 6].item()", first="BUFFER[:] = [4, 5, 6, 7, 8, 9]"),
    Template("s.<+text> = np.array2string(np.arange(3) / 3)", first="np.set_printoptions(precision=3)"),
)
"""Reading what stays as it is, also where the user set it at run time."""

PRINTING = (
    *templates("""
print("step", s.n)

noisy(<value>)

sys.stdout.write("x")

print(s.<int>, file=sys.stderr)

s.<list>[0] += 1
print(s.n)

s.<dict>["a"] += 1
noisy(1)

print(s.<record>)
s.<record>.push(s.n)

s.<ints>[1] += 1
print(s.<ints>)

s.<ints>.sort()
print(1)

print(*s.<ints>)
s.<ints> = s.<ints> + 1

s.<set>.add(s.n)
s.<fresh> = 1
print(s.<nested>)
s.<nested>["rows"].reverse()
"""),
    *templates('logging.getLogger("fuzzed").warning("at %d", s.n)'),
    Template('warnings.warn("odd", stacklevel=1)', first='warnings.simplefilter("default")'),
    Template('warnings.warn(f"at {s.n}", stacklevel=1)', first='warnings.simplefilter("always")'),
    Template(
        "s.<+float> = float(np.float64(1) / np.float64(s.n % 3))",
        first='np.seterr(divide="warn")\nwarnings.simplefilter("default")',
    ),
)
"""What the main thread does as the user's loop does, and no worker may do."""

CHANGING = (
    *templates("s.<+float> = random.random()\n\ns.<+int> = randrange(5)\n\nrandom.shuffle(s.<list>)", "random"),
    *templates("s.<+float> = float(np.random.rand())\n\nnp.random.shuffle(s.<ints>)", "random"),
    *templates("np.random.seed(abs(s.n))\ns.<+int> = int(np.random.randint(9))\n\nrandom.seed(s.n)", "random"),
    *templates("s.<+float> = float(GENERATOR.random())", "GENERATOR", "random"),
    *templates("s.<+float> = DICE.random()", "DICE", "random"),
    *templates("global COUNT\nCOUNT += 1\ns.<+int> = COUNT", "COUNT"),
    *templates("global COUNT\nCOUNT = s.n", "COUNT"),
    *templates("globals()['COUNT'] += 1", "COUNT", "globals"),
    *templates("LOG.append(s.n)\n\nLOG.append(s.n)\nif len(LOG) > 2:\n    LOG.clear()", "LOG"),
    *templates("if s.n % 5 not in CACHE:\n    CACHE[s.n % 5] = s.n\ns.<+int> = CACHE[s.n % 5]", "CACHE"),
    *templates("SEEN.add(s.n % 9)\ns.<+int> = len(SEEN)", "SEEN"),
    *templates("BUFFER[s.n % 6] += 1\ns.<+int> = int(BUFFER.sum())\n\nnp.add.at(BUFFER, [1, 1], 1)", "BUFFER"),
    *templates("s.<+int> = next(IDS)", "IDS", "count"),
    *templates("s.<+int> = tick()", "count", "tick"),
    *templates("s.<+int> = remember(<c>)", "seen", "remember"),
    *templates("s.<+int> = tally(<c>)", "tally", "total"),
    *templates("s.<+int> = METER.tick()", "Meter", "METER", "used"),
    *templates("Account.rate = s.n % 3", "Account", "rate"),
    *templates("fees.FEE = s.n % 5\ns.<+int> = fees.charge(<c>)", "fees", "FEE"),
    *templates("fees.CALLS.append(1)\ns.<+int> = len(fees.CALLS)", "fees", "CALLS"),
    *templates("decimal.getcontext().prec = 20 + s.n % 3\ns.<+decimal> = decimal.Decimal(1) / 7", "decimal"),
    *templates('np.seterr(divide="warn" if s.n % 2 else "ignore")', "numpy", "errstate", "seterr", "floating"),
    *templates('os.environ["FUZZED"] = str(s.n)\n\nos.putenv("FUZZED", "x")', "environ", "FUZZED", "putenv"),
    *templates("SETTING.set(SETTING.get() + 1)\ns.<+int> = SETTING.get()", "SETTING", "context"),
    *templates("s.<+flag> = time.time() > 0\n\ns.<+flag> = time.perf_counter() >= 0", "time", "perf_counter", "clock"),
    *templates("s.<+flag> = perf_counter() >= 0\n\ns.<+flag> = CLOCK() > 0", "perf_counter", "CLOCK", "monotonic"),
    *templates("s.<+flag> = datetime.datetime.now().year > 2000", "datetime", "now"),
    *templates("s.<+int> = len(os.urandom(3))\n\ns.<+int> = len(secrets.token_bytes(2))", "urandom", "secrets"),
    *templates("s.<+int> = uuid.uuid4().version", "uuid", "urandom"),
    *templates("with open(os.devnull) as file:\n    s.<+int> = len(file.read())", "open", "file", "devnull"),
    *templates(
        'with open(DIARY, "a") as file:\n    file.write(f"{s.n} ")\n    s.<+int> = s.n', "open", "file", "DIARY"
    ),
    *templates("os.mkdir(DIARY)\nos.rmdir(DIARY)", "DIARY", "mkdir", "file", "folder"),
    *templates("s.<+int> = len(os.listdir('.')) and 1", "listdir", "folder", "file"),
    *templates("s.<+int> = os.getpid() % 7\n\ns.<+int> = threading.get_ident() % 7", "getpid", "get_ident", "thread"),
    *templates("s.<+text> = threading.current_thread().name", "thread"),
    *templates("sys.setrecursionlimit(1000 + s.n % 7)", "recursion", "limit"),
    *templates("try:\n    print(s.n)\nexcept BaseException:\n    s.<+int> = -5", "print"),
    *templates("try:\n    COUNT_NOW = time.time() > 0\nexcept:\n    s.<+int> = -7", "time"),
    *templates("try:\n    LOG.append(1)\nfinally:\n    s.<+int> = len(LOG)", "LOG"),
    *templates("eval('LOG.append(1)')\n\nexec('LOG.append(s.n)', globals(), {'s': s})", "LOG", "eval", "exec"),
    *templates("s.<+int> = weigh(<value>) + weigh.cache_info().hits % 2", "weigh", "cache"),
    *templates("s.<+int> = id(object()) % 1", "id"),
)
"""What a worker may neither do nor guess; a refusal names it."""

PARAMETERS = ("s, seen=[0]", "seen[0] += 1\ns.<+int> = seen[0]", ("seen",))
