"""Eight queens and more by backtracking: each step makes some moves, with the columns so far in a list."""

from __future__ import annotations

from typing import Any

MOVES = 50
SOLUTIONS = {4: 2, 5: 10, 6: 4, 7: 40, 8: 92}


def step(state: Any) -> None:
    """Advance the queen in the last row until she stands safe, or go back a row."""
    size, columns = state.size, state.columns
    for _ in range(MOVES):
        if not columns:
            return
        columns[-1] += 1
        row, column = len(columns) - 1, columns[-1]
        if column == size:
            columns.pop()
        elif all(abs(column - other) not in (0, row - above) for above, other in enumerate(columns[:-1])):
            if row == size - 1:
                state.solutions += 1
            else:
                columns.append(-1)


def initial(n: int, seed: int) -> dict[str, Any]:
    """Take a board that n steps do not finish, or, for a short run, one that they do."""
    return {"size": 14 if n > 2_000 else 6, "columns": [-1], "solutions": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Look the number of solutions up."""
    return bool(not end["columns"] and end["solutions"] == SOLUTIONS[end["size"]])
