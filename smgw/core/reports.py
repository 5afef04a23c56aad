"""Refusals of which the owner hears as well."""

from common.refusal import Refusal, RefusedError
from smgw.core.events import Level


class ReportedError(RefusedError):
    """A message is refused, and a sentence tells the owner why it matters."""

    def __init__(self, reason: Refusal, level: Level, text: str) -> None:
        super().__init__(reason)
        self.level = level
        self.text = text
