"""When a gateway asks the provider again, because nothing came of what it asked before."""

from dataclasses import dataclass
from typing import Final, final

from smgw.core.situation import RETRY_MAX_MS

PATIENCE_MS: Final = 10_000
"""How long a gateway that is getting in waits for the next message before it asks again."""

ASK_WITHIN_MS: Final = 2 * RETRY_MAX_MS
"""No request waits longer than this."""


@final
@dataclass(slots=True)
class AskTimer:
    """Set by admission; each message of a handshake delays it."""

    at_ms: int | None
    """When to ask; None when nothing is left to ask for."""

    def is_due(self, now_ms: int) -> bool:
        """Whether it is time to ask."""
        return self.at_ms is not None and now_ms >= self.at_ms

    def be_patient(self, now_ms: int) -> None:
        """Do not ask before what was said now has had time to be answered."""
        if self.at_ms is not None:
            self.at_ms = max(self.at_ms, now_ms + PATIENCE_MS)

    def follow_clock(self, now_ms: int) -> None:
        """Wait for a while at most, even when the clock was set back."""
        if self.at_ms is not None:
            self.at_ms = min(self.at_ms, now_ms + ASK_WITHIN_MS)
