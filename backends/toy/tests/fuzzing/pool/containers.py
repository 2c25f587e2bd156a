"""Statements over lists, dictionaries, sets and objects."""

from __future__ import annotations

from fuzzing.pool.template import templates

CALM = templates("""
s.<+int> = sum(s.<list>)

s.<+int> = s.<list>[<at>] + len(s.<list>)

s.<+int> = s.<dict>["a"] + s.<dict>["b"]

s.<+int> = max(s.<dict>.values())

s.<+text> = "".join(s.<dict>)

s.<+int> = next(iter(s.<set>), 0)

s.<+int> = min(s.<set>, default=0)

s.<+text> = repr(s.<set>)[:20]

s.<+flag> = <value> in s.<set>

s.<+flag> = <value> in s.<list>

s.<+float> = s.<record>.x + s.<record>.y

s.<+float> = s.<record>.moved(2.0).x

s.<+int> = s.<nested>["rows"][0][1] + len(s.<nested>["names"])

s.<+int> = s.<tuple>[1]

a, b, c = s.<tuple>
s.<+int> = a + b - c

s.<+flag> = s.<list> == s.<list2>

s.<+flag> = s.<list> is s.<list2>

s.<+int> = s.<queue>[0] + s.<queue>[-1]

s.<+int> = int(s.<decimal> * 100)

s.<+float> = float(s.<fraction>)

s.<+int> = s.<account>.balance + s.<account>.rate

s.<+int> = s.<counter>["a"] + s.<counter>["zz"]

s.<+text> = str(s.<mark>)

s.<+int> = s.<pair>.left + s.<pair>[1]

s.<+int> = s.<frozen> and len(s.<frozen>)

s.<+int> = s.<raw>[1] + s.<packed>[0]

for key, v in s.<dict>.items():
    s.add("<+total>", v * len(key))

s.<+int> = sum(v * v for v in s.<list> if v > 1)

s.<+text> = json.dumps(s.<dict>, sort_keys=True)[:15]

s.<+tuple> = (s.n, <value>, <c>)

s.<+list> = [<value>, <c>, s.n % 3, 0]

s.<+dict> = {"a": <value>, "b": <c>, "c": 0, "d": s.n}

s.<+list>[<at>] = <value>

s.<+dict>["<key>"] = <value>

s.<+record>.y = <value>

s.<+record>.x = <real>

s.<+record> = Point(<real>, <value>, [1])

s.<+pair> = Pair(<value>, <c>)

s.<+pair> = s.<+pair>._replace(left=<value>)

s.<+set> = {<value>, <c>}

s.<+decimal> = decimal.Decimal(<value>) / 7

s.<+odd> = [None, <value>, {"k": (<c>, True)}]

s.<+account>.balance = <value>

x = list(s.<list>)
x.append(s.n)
s.<+int> = sum(x)

x = dict(s.<dict>)
x["z"] = 1
s.<+int> = len(x)
""")

WILD = templates("""
s.<list>.append(s.n)
del s.<list>[0]

s.<list>.append(s.n % 5)

if len(s.<list>) > 4:
    s.<list>.pop()

s.<list>[<at>] += 1

s.<list>.sort()

s.<list>.reverse()

s.<list> += [<c>]
s.<list>.pop(0)

s.<list>[1:3] = [<value>, <c>]

s.<list> = s.<list>[1:] + s.<list>[:1]

s.<list>.insert(1, <value>)
s.<list>.pop()

s.<list>.clear()
s.<list>.extend(range(4))

s.<list> = list(s.<list2>)

s.<list>, s.<list2> = s.<list2>, s.<list>

old = s.<list>
s.<list> = [v + 1 for v in old]
old.append(3)
s.<int> = len(old)

s.<dict>["<key>"] += 1

s.<dict>["a"] = s.<dict>.pop("a")

s.<dict>.update(b=<value>)

s.<dict>.setdefault("<key>", 0)

s.<dict> |= {"c": <value>}

s.<dict>["extra"] = <value>

s.<dict>.pop("extra", None)

x = s.<dict>.popitem()
s.<dict>[x[0]] = x[1]

s.<dict> = dict(reversed(s.<dict>.items()))

s.<set>.add(<value>)

s.<set>.discard(<value>)

s.<set> ^= {<value>}

s.<set> |= {<value>, -1}

s.<queue>.rotate(1)

s.<queue>.append(<value>)

s.<queue>.appendleft(s.<queue>.pop())

s.<record>.y += 1

s.<record>.x *= 0.5

s.<record>.push(<value>)

s.<record>.tags[0] += 1

s.<record> = dataclasses.replace(s.<record>, y=<value>)

s.<record>.extra = <value>

s.<nested>["rows"][0][1] += 1

s.<nested>["rows"][1] = s.<nested>["rows"][0]

s.<nested>["rows"].append(s.<nested>["rows"].pop(0))

s.<nested>["names"]["<key>"] = <value>

row = s.<nested>["rows"][1]
row[0] = <value>

s.<account>.pay(<c>)

s.<account>.note = [<c>]

s.<counter>["a"] += 1

s.<counter>.update("ab")

s.<default>[s.n % 3]

s.<default>[s.n % 3].append(<c>)
s.<default>.clear()

s.<raw>[0] = (s.<raw>[0] + 1) % 256

s.<packed>[1] = <value>

s.<slotted>.head += 1

s.<slotted>.tail.append(s.<slotted>.tail.pop(0))

heapq.heappush(s.<list>, <value>)
heapq.heappop(s.<list>)

bisect.insort(s.<list>, <value>)
del s.<list>[0]

s.<ordered>.move_to_end("a")

s.<decimal> += decimal.Decimal("0.1")

s.<decimal> = (s.<decimal> / 3).quantize(decimal.Decimal("0.001"))

s.<fraction> = (s.<fraction> + fractions.Fraction(1, 3)) % 2

s.<moment> += datetime.timedelta(seconds=1)

s.<complex> *= 1j

s.<tuple> = (s.<tuple>[1], s.<tuple>[2], s.<tuple>[0])

s.<tuple> = (*s.<tuple>[1:], s.n)

s.<frozen> = s.<frozen> ^ {<value>}

s.<float> = s.<dice>.random()

s.<int> = s.<dice>.randrange(9)

s.<float> = float(s.<generator>.random())

s.<int> = int(s.<generator>.integers(9))

s.<generator>.shuffle(s.<ints>)

for key in list(s.<dict>):
    if s.<dict>[key] > 40:
        s.<dict>[key] = 0

try:
    s.<list>[77] = 1
except IndexError:
    s.<list>[0] = <c>

try:
    s.<int> = s.<dict>["none"]
except KeyError as error:
    s.<text> = str(error)

try:
    s.<list>[0] = 7
    s.<dict>["a"] = 7
    s.<set>.remove(-99)
except KeyError:
    s.<int> = <value>

s.<nested> = copy.deepcopy(s.<nested>)

s.<list> = [list, dict][0](s.<list>)

s.<odd> = s.<list>[:]

s.<odd> = tuple(s.<list>)

s.<dict>[s.n % 3] = 1
s.<dict>.pop(s.n % 3)

del s.<list>
s.<list> = [1, 2, 3, 4]

s.<list>.__setitem__(0, <value>)

x = s.<list>.append
x(77)
s.<list>.remove(77)

getattr(s, "<list>").append(getattr(s, "<list>").pop(0))

vars(s)["<list>"][1] = <value>
""")

SHARING = ("share", "same object", "belongs", "holds", "alias")
DOUBTFUL = (
    *templates("s.<list2> = s.<list>\n\ns.<odd> = s.<list>\n\ns.<odd> = [s.<list>]", *SHARING),
    *templates('s.<nested>["link"] = s.<list>\n\ns.<record>.tags = s.<list>\n\ns.<odd> = s.<ints>, 1', *SHARING),
    *templates("x = [1]\ns.<odd> = [x, x]\n\nx = [1]\nx.append(x)\ns.<odd> = x", "odd"),
    *templates("s.<odd> = [s.<floats>]\ns.<floats> = s.<floats> + 1", "odd", *SHARING),
    *templates("s.<odd> = [lambda: 1]\n\ns.<odd> = {1: iter([1])}\n\ns.<odd> = [s]", "odd", "state"),
    *templates("s.<odd> = [LOG]\n\ns.<odd> = LOG\ns.<odd>.append(1)", "odd", "LOG"),
)
