"""Refused messages, counted by reason and told once per kind and minute."""

import logging
import time
from collections import Counter
from collections.abc import Mapping
from typing import Final, final

from broker.pace import OncePerMinute
from common.refusal import Refusal
from provider.core.events import Refuse

log = logging.getLogger(__name__)

_NO_FRAME: Final = "message"


@final
class Refusals:
    """What this provider has refused since it started, in all its networks."""

    def __init__(self) -> None:
        self._counts: Counter[Refusal] = Counter()
        self._quiet = OncePerMinute()

    @property
    def counts(self) -> Mapping[Refusal, int]:
        """How many messages for each reason that occurred."""
        return self._counts

    def note(self, refuse: Refuse) -> None:
        """Count one, and say it unless its kind was said within the last minute."""
        self._counts[refuse.reason] += 1
        kind = refuse.notification.name if refuse.notification is not None else _NO_FRAME
        key = f"{kind} {refuse.reason.name}"
        if self._quiet.allows(key, time.monotonic()):
            more = self._quiet.held_back(key)
            since = f" ({more} more like it in the last minutes)" if more else ""
            log.warning("refused a %s on %s: %s%s", kind, refuse.topic, refuse.reason.sentence, since)
