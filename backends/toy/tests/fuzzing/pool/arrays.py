"""Statements over arrays."""

from __future__ import annotations

from fuzzing.pool.template import templates

CALM = templates("""
s.<+ints>[<at>] = <value>

s.<+floats>[<at>] = <real>

s.<+grid>[<row>, <at>] = <value>

s.<+grid>[<row>] = <value>

s.<+grid>[:, <at>] = <value>

s.<+ints>[:] = <value>

s.<+ints>[1:4] = <value>

s.<+floats>[...] = <real>

s.<+ints>.fill(<value>)

s.<+ints>[[0, 2]] = <value>

s.<+ints>[MASKS[s.n % 2]] = <value>

s.<+floats>[s.n % 6 :] = <real>

s.add("<+ints>", <value> % 9, at=<at>)

s.maximum("<+ints>", <value>, at=<at>)

s.bit_xor("<+ints>", <value>, at=<at>)

s.add("<+grid>", 1, at=(<row>, <at>))

s.<+ints> = np.arange(6) + s.n

s.<+floats> = np.full(6, <real>)

s.<+grid> = np.full((4, 5), s.n % 7, order="F")

s.<+int> = int(s.<ints>[<at>])

s.<+int> = int(s.<ints>.sum())

s.<+float> = float(s.<floats>.mean())

s.<+float> = float(s.<floats> @ s.<floats2>)

s.<+float> = float(np.sqrt(np.abs(s.<floats>)).max())

s.<+int> = int(np.argmax(s.<floats>))

s.<+int> = int(s.<ints>[s.<ints> > 2].size)

s.<+int> = sum(int(v) for v in s.<ints>)

s.<+int> = sum(s.<ints>.tolist())

s.<+int> = int(s.<grid>.T[<at>, <row>])

s.<+float> = float(s.<grid>[<row>].sum())

s.<+float> = float(s.<grid>[:, <at>].sum())

s.<+flag> = s.<grid>.flags.f_contiguous

s.<+flag> = bool(s.<ints>.flags.writeable)

s.<+int> = int(s.<grid>.ravel(order="K")[3])

s.<+int> = len(s.<ints>) + s.<grid>.ndim + s.<grid>.shape[1]

s.<+scalar> = s.<ints>[<at>]

s.<+scalar> = s.<floats>.max()

s.<+text> = str(s.<ints>)

s.<+text> = repr(s.<grid>)[:30]

s.<+flag> = bool(s.<mask>.any())

s.<+flag> = bool(np.array_equal(s.<ints>, s.<ints2>))

s.<+flag> = 3 in s.<ints>

s.<+float> = float((-s.<floats> + s.<floats2>)[<at>])

s.<+float> = float(np.where(s.<mask>, s.<floats>, 1.0).sum())

s.<+int> = np.concatenate([s.<ints>, s.<ints2>]).size

s.<+bytes> = s.<ints>.tobytes()[:4]

s.<+bytes> = bytes(memoryview(s.<ints>))[:4]

s.<+int> = int(np.frombuffer(s.<ints>, np.uint8)[2])

s.<+flag> = isinstance(s.<ints>, np.ndarray)

s.<+text> = s.<ints>.dtype.str

s.<+int> = int(copy.copy(s.<ints>)[1])

s.<+int> = int(np.asarray(s.<ints>)[<at>])

s.<+text> = str(s.<texts>[<at>])

s.<+float> = float(abs(s.<waves>[<at>]))

s.<+float> = float(np.linalg.norm(s.<floats>))

s.<+int> = int(np.searchsorted(np.sort(s.<ints>), <c>))

a, b, *rest = s.<ints>
s.<+int> = int(a) - int(b) + len(rest)

s.<+int> = int(s.<ints>.max(initial=-5))

s.<+flag> = s.<ints> is s.<ints2>

s.<+flag> = s.<ints> is s.<ints>

s.<+float> = float(sum(s.<floats> * WEIGHTS))

s.<+text> = ",".join(str(v) for v in np.unique(s.<ints>))[:9]

s.<+int> = int(np.einsum("i,i", s.<ints>, s.<ints2>))

s.<+int> = int(s.<+grid2>[<row>, <at>])
s.<+grid2>[<row>, <at>] = <value>

x = s.<grid>.copy()
x[<row>, <at>] = 9
s.<+int> = int(x.sum())

s.<+int> = np.size(getattr(s, "<keep>", 0))
s.<keep> = np.zeros(s.n % 3 + 1)

s.<+text> = str(np.asarray(getattr(s, "<keep>", 0)).dtype)
s.<keep> = np.zeros(2, [np.int64, np.float64][s.n % 2])

s.<+text> = str(np.shape(getattr(s, "<keep>", 0)))
s.<keep> = np.zeros([(2, 3), (3, 2)][s.n % 2], order="CF"[s.n // 2 % 2])

try:
    s.<+ints>[99] = 1
except IndexError as error:
    s.<+text> = str(error)[:20]

try:
    s.<+ints>[:] = [1, 2]
except ValueError:
    s.<+int> = <c>

try:
    s.<+floats>[<at>] = "x"
except ValueError:
    s.<+floats>[<at>] = 1

s.<+ints>[<at>] = 2.75

try:
    s.<+bytebox>[<at>] = 255 + s.n % 3
except OverflowError:
    s.<+bytebox>[<at>] = 0
""")

WILD = templates("""
s.<ints>[<at>] += <c>

s.<floats>[<at>] *= 0.5

s.<grid>[<row>, <at>] += 1

s.<grid>[<row>] += 1

s.<grid>[:, <at>] *= -1

s.<ints> += 1

s.<floats> *= 0.5

s.<floats> -= s.<floats2>

s.<mask> ^= True

s.<ints> = s.<ints> + 1

s.<floats> = s.<floats> * 0.5

s.<grid> = s.<grid> - 1

s.<ints> = np.roll(s.<ints>, 1)

s.<ints> = s.<ints>[::-1].copy()

s.<floats> = s.<floats>[::-1]

s.<grid> = s.<grid>[:, ::-1].copy(order="F")

np.add.at(s.<ints>, [1, 1], 1)

np.subtract.at(s.<floats>, [0, 5, 0], 0.5)

np.maximum.at(s.<ints>, np.array([2, 3]), <c>)

np.add(s.<ints>, 1, out=s.<ints>)

np.multiply(s.<floats>, 0.5, out=s.<floats>)

np.multiply(s.<floats>, 0.5, out=s.<floats2>)

np.cumsum(s.<ints>, out=s.<ints>)

np.clip(s.<ints>, -9, 9, out=s.<ints>)

np.add(s.<floats>, 1, out=s.<floats>, where=s.<mask>)

s.<floats>.sum(out=s.<floats2>[0:1].reshape(()))

np.copyto(s.<ints>, <c>)

np.copyto(s.<ints>, s.<ints2>)

np.put(s.<ints>, [0, 3], <c>)

s.<ints>.put([1], [<value>])

np.place(s.<ints>, s.<ints> > 2, [1, 2])

np.putmask(s.<floats>, s.<floats> > 2, -1.0)

np.fill_diagonal(s.<grid>, <c>)

np.put_along_axis(s.<ints>, np.array([2]), <c>, 0)

s.<ints>.sort()

s.<floats>.partition(2)

s.<grid>.sort(axis=0)

s.<ints>.byteswap(inplace=True)

s.<ints>.resize(6, refcheck=False)

memoryview(s.<ints>)[1] = <c>

memoryview(np.asarray(s.<ints>))[2] = <c>

s.<ints>.ctypes.data_as(ctypes.POINTER(ctypes.c_int64))[2] = <c>

ctypes.memset(s.<ints>.ctypes.data, 0, 8)

np.frombuffer(s.<ints>, np.int64)[3] = <c>

torch.from_numpy(np.asarray(s.<floats>)).add_(1)

torch.from_numpy(s.<floats>).mul_(0.5)

np.asarray(s.<ints>).setflags(write=True)
s.<ints>[<at>] = <value>

s.<ints>.setflags(write=False)
try:
    s.<ints>[0] = 9
except ValueError:
    s.<int> += 1
s.<ints>.setflags(write=True)

v = s.<ints>[1:4]
v += 1
v[0] = 5

v = s.<ints>[1:4]
s.<ints>[2] = <value>
s.<int> = int(v[1])

row = s.<grid>[1]
row[2] += 1
s.<int> = int(row.sum()) % 50

t = s.<grid>.T
t[2, 1] = <c>

f = s.<grid>.ravel()
f[3] = 2

s.<grid>.reshape(-1)[2] = 1

s.<ints>[::2] = s.<ints>[1::2]

s.<ints>[1:] = s.<ints>[:-1]

s.<ints>[::-1][0] = 4

s.<ints>.flat[3] = 1

s.<grid>.flat = range(20)

for row in s.<grid>:
    row[0] += 1

for x in np.nditer(s.<ints>, op_flags=["readwrite"]):
    x[...] = x + 1

np.asarray(s.<ints>)[2] = 8

s.<ints>[...][1] = 3

s.<ints>[np.newaxis][0, 2] = 3

v = s.<ints>.view(np.uint8)
v[0] ^= 1

s.<waves>.real[1] = 2.0

s.<waves> *= 1j

old = s.<floats>
s.<floats> = old * 0.5
s.<float> = float(old[0])

old = s.<ints>
s.<ints> = np.zeros(6, np.int64)
old += 1
s.<int> = int(old[1]) % 50

s.<keep> = s.<floats>
s.<floats> = s.<floats> + 1

s.<floats>, s.<floats2> = s.<floats2>, s.<floats>

np.multiply(s.<floats>, 0.5, out=s.<floats2>)
s.<floats>, s.<floats2> = s.<floats2>, s.<floats>

s.<floats2>[1:-1] = (s.<floats>[:-2] + s.<floats>[2:]) / 2
s.<floats>, s.<floats2> = s.<floats2>, s.<floats>

s.<keep> = s.<ints>.astype(float)

s.<keep> = np.zeros(s.n % 3 + 1)

s.<keep> = np.array(s.n)

s.<keep> = np.full(3, s.n % 5)

if hasattr(s, "<keep>"):
    s.<keep>.flat[:1] = <c>

if hasattr(s, "<keep>") and s.<keep>.shape == (3,):
    s.<keep>[1] += 1
    s.<int> = int(s.<keep>[2])

if hasattr(s, "<keep>"):
    s.<floats>[0] = s.<keep>.size
    del s.<keep>

s.add("<bytebox>", 3, at=<at>)

s.add("<bytebox>", 100, at=<at>)
s.<bytebox>[<at>] = 0

s.<keep> = s.<floats>.copy()
del s.<floats>
s.<floats> = s.<keep> + 1

s.<grid> = np.asfortranarray(s.<grid>)

s.<grid> = np.ascontiguousarray(s.<grid>)

np.random.default_rng(abs(s.n)).shuffle(s.<ints>)

random.Random(3).shuffle(s.<ints>)

s.<ints>[s.<ints> > 5] = 0

s.<ints>[s.<ints> % 6] += 1

s.<texts>[<at>] = str(s.n)

s.<dates>[<at>] += np.timedelta64(1, "D")

s.<bytebox> += 1

for k in range(len(s.<ints>)):
    s.<ints>[k] = (s.<ints>[k] * 3 + 1) % 17

for k in range(1, 5):
    s.<floats>[k] = s.<floats>[k - 1] * 0.5

if s.<ints>[<at>] > 2:
    s.<ints>[<at>] = 0
else:
    s.add("<ints>", 1, at=<at>)

s.add("<ints>", 2, at=<at>)
s.<int> = int(s.<ints>[<at>])

s.<list>[0] += 1
s.<bytes> = bytes(memoryview(s.<ints>))[:3]

s.<nested>["rows"][0][1] += 1
s.<ints>[0] += 1
s.<int> = int(np.frombuffer(s.<ints>, np.int64)[0]) % 50

try:
    s.<ints>[:] = [1, 2, 3, 4, 5, "x"]
except ValueError:
    s.<int> += 1

try:
    s.<floats>[:] = (1.0 / (3 - k) for k in range(6))
except (TypeError, ValueError):
    s.<floats>[0] = 1

s.<grid>[np.ix_([0, 2], [1, 3])] += 1

s.<grid>[[0, 2], [1, 3]] = s.<grid>[[1, 3], [0, 2]]

np.matmul(s.<grid>[:, :4].astype(float), np.eye(4), out=np.empty((4, 4)))
s.<grid>[0, 0] += 1

s.<floats> = s.<floats> * s.<float> if math.isfinite(s.<float>) else np.ones(6)
s.<floats> %= 8.0

a = s.<ints>
a[0] += 1
b = s.<ints>
b[0] += 1

np.lib.stride_tricks.as_strided(s.<ints>, (3,), (16,))[1] = 7
""")

_SHARING = ("share", "same", "memory", "alias", "holds")
DOUBTFUL = (
    *templates("s.<ints2> = s.<ints>\n\ns.<keep> = s.<floats>", *_SHARING),
    *templates(
        "s.<keep> = s.<floats>[2:]\ns.<keep>[0] += 1\n\ns.<floats2> = s.<floats>[:6]\ns.<floats>[1] += 1", *_SHARING
    ),
    *templates("s.<keep> = s.<floats>\ns.<floats> = s.<floats>[::2].repeat(2)", *_SHARING),
    *templates("s.<floats2> = s.<floats>.reshape(6)\n\ns.<ints2> = s.<ints>.view()", *_SHARING),
    *templates("s.<keep> = BUFFER\n\ns.<keep> = BUFFER\ns.<keep>[0] += 1", "BUFFER", *_SHARING),
    *templates("s.<keep> = WEIGHTS[:3]\n\ns.<keep> = WEIGHTS[:3]\ns.<keep> *= 2", "WEIGHTS", *_SHARING),
    *templates("s.<keep> = s.<floats>[1:3]\n\ns.<keep> = s.<grid>.T", "view", "overlap", "keep", *_SHARING),
    *templates("s.<ints>.flags.writeable = False", "writ", "read-only", "flags"),
    *templates("s.<keep> = np.ma.array([1, 2, 3], mask=[0, s.n % 2, 0])\n\ns.<keep> = np.matrix([[1, 2]])", "keep"),
    *templates('s.<keep> = np.zeros(2, [("a", "i4"), ("b", "f8")])', "keep"),
    *templates("s.<keep> = np.array([s.n % 3, None, [1]], dtype=object)", "keep"),
)
