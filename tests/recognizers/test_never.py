from __future__ import annotations

from typing import cast

from asc.computation import Computation
from asc.recognizers.never import Never


def test_stops_and_guesses_nothing() -> None:
    recognizer, computation = Never(Never.Config(steps=7)), cast(Computation, None)
    assert recognizer.next_boundary(3, computation) == 10
    assert not recognizer.recognise(computation).speculate
