"""See the trajectory cache at work: a small computation, stepped by hand from boundary to boundary.

A watchman walks through six rooms, again and again. In room 4 he looks at the lamp; in room 5 he turns it on or off.
So the room repeats every round, and the lamp every second round. The state has three state words, which are named
values: room, lamp and minutes. At each boundary the cache is asked for a transition that *read* only words whose bits
are the same now. All other words are "don't care".

Look at position 6: the state is new (the lamp is on, and more minutes have passed), and yet it is a hit. Then look at
position 9: the room is the same, but here the lamp is read, and it differs. The last part shows that a candidate may be
wrong about a word that is not read.
"""

from __future__ import annotations

from collections.abc import Mapping

from asc.cache import TrajectoryCache
from asc.reference.registers import Registers
from asc.types import Candidate, Transition
from asc.words import Word, bits

STEPS, SUPERSTEP = 24, 3
START = {"room": 0, "lamp": "off", "minutes": 0}


def step(words: Mapping[str, Word]) -> Mapping[str, Word]:
    """Take one step. The step's value for `minutes` is added, since `minutes` is declared as a sum."""
    room = words["room"]
    if room == 4:
        return {"room": 5, "minutes": 5 if words["lamp"] == "on" else 2}
    if room == 5:
        return {"room": 0, "minutes": 1, "lamp": "off" if words["lamp"] == "on" else "on"}
    return {"room": room + 1, "minutes": 1}


def watchman() -> Registers:
    """Make the computation at its start."""
    return Registers(step, START, STEPS, sums=("minutes",))


def show(words: Mapping[str, Word]) -> str:
    return "  ".join(f"{name}={value}" for name, value in words.items())


def explain_hit(words: Mapping[str, Word], entry: Transition, then: Mapping[str, Word]) -> None:
    """Print which words match, which do not matter, and what the leap does."""
    for name, now in words.items():
        if name in entry.causal:
            print(f"      {name:8} matches      it was read, and it is {now}, as it was then")
        else:
            print(f"      {name:8} don't care   it was {then[name]} then, and is {now} now")
    print(f"    leap over {entry.steps} steps: write {entry.effect.written}, add {entry.effect.added}")


def explain_miss(words: Mapping[str, Word], entry: Transition, then: Mapping[str, Word]) -> None:
    """Print which of the words that were read differ."""
    differ = [f"{name} was {then[name]}" for name, was in entry.causal.items() if bits(words[name]) != was]
    print(f"      that of position {entry.start} does not match: when it was read, {', '.join(differ)}")


def step_by_hand() -> Registers:
    """Go from boundary to boundary: record each superstep, and leap where a recorded one matches."""
    computation, cache = watchman(), TrajectoryCache()
    known: list[tuple[Transition, dict[str, Word]]] = []  # transitions, and the words at their start, to show them
    while not computation.finished():
        words = dict(computation.words)
        print(f"\nposition {computation.position():2}: {show(words)}")
        found = cache.lookup(computation)
        if found is not None:
            print(f"    hit: the superstep from position {found.start} can be used again")
            explain_hit(words, found, next(then for entry, then in known if entry is found))
            computation.apply(found)
            continue
        print("    miss")
        for entry, then in known:
            explain_miss(words, entry, then)
        recorded = computation.advance(SUPERSTEP, record=True).recorded
        print(f"    take {recorded.steps} steps; they read {', '.join(recorded.causal)}, so record:")
        print(f"      write {recorded.effect.written}, add {recorded.effect.added}")
        cache.insert(recorded)
        known.append((recorded, words))
    print(f"\nposition {computation.position():2}: {show(computation.words)}")
    print(f"{cache.stats()['hits']} hits, {cache.stats()['misses']} misses")
    return computation


def run_ahead() -> None:
    """Fill the cache ahead of the computation: run from a candidate, as a worker does."""
    computation, cache = watchman(), TrajectoryCache()
    candidate = {"room": 3, "lamp": "off", "minutes": 999}
    print(f"\nA candidate for position 3: {show(candidate)}")
    run = computation.task(Candidate(0, SUPERSTEP, candidate, 0, "by hand"), [SUPERSTEP], seconds=None)
    (entry,) = run()
    cache.insert(entry)
    computation.advance(SUPERSTEP)
    print(f"The state at position 3:    {show(computation.words)}")
    assert cache.lookup(computation) is entry
    wrong = [name for name, value in candidate.items() if bits(value) != bits(computation.words[name])]
    print(f"Wrong about {', '.join(wrong)}, right about {', '.join(entry.causal)}, which is all that was read: a hit.")


if __name__ == "__main__":
    ended, plain = step_by_hand(), watchman()
    plain.advance(STEPS)
    assert ended.digest() == plain.digest()
    print("The final state is that of the plain loop, bit for bit.")
    run_ahead()
