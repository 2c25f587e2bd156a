"""What a generation took, and what drafts were worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Counts:
    """Counts of one generation, or of several together."""

    texts: int = 0
    tokens: int = 0
    passes: int = 0
    """Forward passes over a batch."""
    without_drafts: int = 0
    """The same if no draft is used. A batch then has as many as its longest text has tokens."""
    drafted: int = 0
    """Tokens of drafts that were verified."""
    accepted: int = 0
    blocks: Counter[int] = field(default_factory=Counter)
    """Verified blocks of drafts, by how many tokens were accepted."""
    unclear: int = 0
    """Tokens that the plain path decided, because rounding could have."""
    plain_passes: int = 0
    """Passes of the plain path, of one text each."""
    aligned: int = 0
    """Tokens of texts that had not departed from the earlier text before them."""
    departures: int = 0
    """Texts that departed from the earlier one."""
    seconds: float = 0.0

    def add(self, other: Counts) -> None:
        """Add the counts of another generation."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def acceptance_rate(self) -> float | None:
        """Accepted tokens of verified ones; None if none was verified."""
        return self.accepted / self.drafted if self.drafted else None

    @property
    def mean_accepted_length(self) -> float | None:
        """Tokens of a block that were accepted, on average; None without blocks."""
        blocks = self.blocks.total()
        return self.accepted / blocks if blocks else None

    @property
    def passes_saved(self) -> float | None:
        """Share of the passes over batches that drafts have saved; None without texts."""
        return 1 - self.passes / self.without_drafts if self.without_drafts else None

    def figures(self) -> dict[str, Any]:
        """Return everything as JSON holds it."""
        rates = ("acceptance_rate", "mean_accepted_length", "passes_saved")
        known = {**vars(self), "blocks": {str(length): n for length, n in sorted(self.blocks.items())}}
        return known | {name: getattr(self, name) for name in rates}

    @classmethod
    def from_figures(cls, figures: Mapping[str, Any]) -> Counts:
        """Return the counts that `figures` were made from."""
        blocks = Counter({int(length): blocks for length, blocks in figures["blocks"].items()})
        return cls(**{name: figures[name] for name in vars(cls()) if name != "blocks"}, blocks=blocks)
