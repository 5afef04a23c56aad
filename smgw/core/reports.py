"""Refusals of which the owner hears as well."""

from collections.abc import Sequence

from common.refusal import Refusal, RefusedError
from smgw.core.events import Effect, Level


class ReportedError(RefusedError):
    """A message is refused, and a sentence tells the owner why it matters; `kept` is what comes of it nevertheless."""

    def __init__(self, reason: Refusal, level: Level, text: str, kept: Sequence[Effect] = ()) -> None:
        super().__init__(reason)
        self.level = level
        self.text = text
        self.kept = kept
