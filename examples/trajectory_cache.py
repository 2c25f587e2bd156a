"""See the trajectory cache at work: a small computation, stepped by hand from boundary to boundary.

A watchman walks through six rooms, over and over. In room 4 he looks at the lamp; in room 5 he turns it on or off.
The lamp therefore comes back only every second round, the room every round. At each boundary the cache is asked for a
transition whose words, those that it *read*, have the same bits now. All other words are "don't care".

Look at position 6: the state is not one that was seen before (the lamp is on, the minutes have grown), and yet it is
a hit. Then at position 9: the same room, but here the lamp is read, and it differs. At the end, a guess that is wrong
about a word that nobody reads is as good as one that is right.
"""

from __future__ import annotations

from collections.abc import Mapping

from asc.cache import TrajectoryCache
from asc.reference.registers import Registers
from asc.types import Candidate, Transition
from asc.words import Word, bits

STEPS, SUPERSTEP = 24, 3
START = {"room": 0, "lamp": "off", "minutes": 0}


def walk(words: Mapping[str, Word]) -> Mapping[str, Word]:
    """Take one step: what a step returns for `minutes` is added, since `minutes` is declared as a sum."""
    room = words["room"]
    if room == 4:
        return {"room": 5, "minutes": 5 if words["lamp"] == "on" else 2}
    if room == 5:
        return {"room": 0, "minutes": 1, "lamp": "off" if words["lamp"] == "on" else "on"}
    return {"room": room + 1, "minutes": 1}


def machine() -> Registers:
    """Make the machine at its start."""
    return Registers(walk, START, STEPS, sums=("minutes",))


def show(words: Mapping[str, Word]) -> str:
    return "  ".join(f"{name}={value}" for name, value in words.items())


def explain_hit(words: Mapping[str, Word], entry: Transition, then: Mapping[str, Word]) -> None:
    """Say which words matched, which did not matter, and what is leapt over."""
    for name, now in words.items():
        if name in entry.causal:
            print(f"      {name:8} matches      it was read, and is {now} as it was then")
        else:
            print(f"      {name:8} don't care   it was {then[name]} then, and is {now} now")
    print(f"    leap over {entry.steps} steps: write {entry.effect.written}, add {entry.effect.added}")


def explain_miss(words: Mapping[str, Word], entry: Transition, then: Mapping[str, Word]) -> None:
    """Say which of the words that were read differ."""
    differ = [f"{name} was {then[name]}" for name, was in entry.causal.items() if bits(words[name]) != was]
    print(f"      that of position {entry.start} does not match: when it was read, {', '.join(differ)}")


def step_by_hand() -> Registers:
    """Walk from boundary to boundary, remembering what was done and leaping where that comes back."""
    computation, cache = machine(), TrajectoryCache()
    known: list[tuple[Transition, dict[str, Word]]] = []  # transitions, and the words at their start: to be shown
    while not computation.finished():
        words = dict(computation.words)
        print(f"\nposition {computation.position():2}: {show(words)}")
        found = cache.lookup(computation)
        if found is not None:
            print(f"    hit: what was done at position {found.start} can be used again")
            explain_hit(words, found, next(then for entry, then in known if entry is found))
            computation.apply(found)
            continue
        print("    miss")
        for entry, then in known:
            explain_miss(words, entry, then)
        learnt = computation.advance(SUPERSTEP, record=True).learnt
        print(f"    take {learnt.steps} steps; they read {', '.join(learnt.causal)}, so remember:")
        print(f"      write {learnt.effect.written}, add {learnt.effect.added}")
        cache.insert(learnt)
        known.append((learnt, words))
    print(f"\nposition {computation.position():2}: {show(computation.words)}")
    print(f"{cache.stats()['hits']} hits, {cache.stats()['misses']} misses")
    return computation


def guess_ahead() -> None:
    """Fill the cache before one comes by: run on from a guess, as a worker does."""
    computation, cache = machine(), TrajectoryCache()
    guessed = {"room": 3, "lamp": "off", "minutes": 999}
    print(f"\nA guess of the words at position 3: {show(guessed)}")
    run = computation.task(Candidate(0, SUPERSTEP, guessed, 0, "a guess"), SUPERSTEP, seconds=None)
    entry = run()
    cache.insert(entry)
    computation.advance(SUPERSTEP)
    print(f"The words at position 3:            {show(computation.words)}")
    assert cache.lookup(computation) is entry
    wrong = [name for name, value in guessed.items() if bits(value) != bits(computation.words[name])]
    print(f"Wrong about {', '.join(wrong)}, right about {', '.join(entry.causal)}, which is all that was read: a hit.")


if __name__ == "__main__":
    ended, plain = step_by_hand(), machine()
    plain.advance(STEPS)
    assert ended.digest() == plain.digest()
    print("The end is that of the plain loop, bit for bit.")
    guess_ahead()
