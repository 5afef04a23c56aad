"""The provider in virtual time: the real network machine, an in-memory store, and a shell that can be killed.

Its shell performs effects as `provider.aggregator` does: all records of one event are kept first and together, then
the rest is done in order. Messages that arrive while it is busy go in as one batch.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, final

from common.certificates import Authority
from common.frames import decode
from common.identifiers import NetworkId
from common.parameters import Parameters
from common.topics import PROVIDER_FILTERS
from launcher.simulation import credentials
from launcher.simulation.disks import Store
from launcher.simulation.pipes import Letter
from launcher.simulation.process import Fuse, KilledError, Ticker
from launcher.simulation.site import Site
from provider.core import events
from provider.core.machine import ProviderMachine
from provider.core.trust import Trust

NAME = credentials.PROVIDER


class Ear(Protocol):
    """What stands between the machine and the bus: a liar, or whatever else a test puts there."""

    def says(self, publish: events.Publish, now_ms: int) -> list[events.Publish]:
        """What is sent instead of what the machine wants to send."""
        ...

    def hears(self, message: events.Message) -> bool:
        """Whether the machine is to hear of this message."""
        ...

    def relays(self, message: events.Message, now_ms: int) -> list[events.Publish]:
        """What is sent because of this message, behind the machine's back."""
        ...


@final
class Provider:
    """The one provider of a run, with one or more networks. With a `liar` beside it, it lies."""

    def __init__(self, site: Site, rules: dict[NetworkId, Parameters], store: Store, authority: Authority) -> None:
        """`authority` is whose certificates it takes."""
        self.store = store
        self.liar: Ear | None = None
        self.fuse = Fuse()
        self.is_running = False
        self.ticker = Ticker(site.timeline, lambda: self._feed(events.Tick()))
        self._site = site
        self._identity = credentials.provider().identity
        self._rules = rules
        self._authority = authority
        self._core: ProviderMachine | None = None
        self._lives = 0
        self._inbox: list[events.Message] = []

    def start(self) -> None:
        """Begin a life with what the store holds."""
        if self.is_running:
            return
        self._lives += 1
        setups = [events.NetworkSetup(n, p, self.store.load(n)) for n, p in self._rules.items()]
        entropy = self._site.scenario.stream(f"{NAME} {self._lives}")
        self.is_running = True
        self._site.trace.say(NAME, f"starts, life {self._lives}")
        self._core = ProviderMachine(self._identity, setups, entropy, self.ticker.now_ms, self._trust())
        self._site.bus.start(NAME)
        for topic_filter in PROVIDER_FILTERS:
            self._site.bus.subscribe(NAME, topic_filter)
        self.ticker.set(self._core.deadline)

    def _trust(self) -> Trust:
        return Trust(self._authority, self._authority.revocations(self._site.administrator.newest))

    def renew_revocations(self) -> None:
        """The administrator has handed out a newer list."""
        self._feed(events.RevocationsRenewed(self._site.administrator.newest))

    def change_rules(self) -> None:
        """Its settings are changed a little, which counts from its next start."""
        for network, rules in self._rules.items():
            self._rules[network] = replace(rules, degree_max=min(rules.degree_max + 1, 255))

    def kill(self) -> None:
        """End like kill -9: whatever is not in the store is gone."""
        self._site.trace.say(NAME, "is killed")
        self.is_running = False
        self._core = None
        self._inbox = []
        self.ticker.set(None)
        self._site.bus.kill(NAME)

    def step_clock(self, by_ms: int) -> None:
        """Its clock is set; the shell looks at it often enough to notice, and lets the core see it."""
        self._site.trace.say(NAME, f"clock {by_ms:+d} ms")
        self.ticker.offset_ms += by_ms
        self._feed(events.Tick())

    def on_connected(self) -> None:
        """See `bus.Client`."""
        self._take_inbox()
        self._feed(events.Connected())

    def on_disconnected(self) -> None:
        """See `bus.Client`."""
        self._take_inbox()
        self._feed(events.Disconnected())

    def on_message(self, letter: Letter) -> None:
        """See `bus.Client`: it waits for the batch that is under way."""
        message = events.Message(letter.topic, letter.payload, letter.is_retained)
        if self._core is None or (self.liar is not None and not self._is_heard(self.liar, message)):
            return
        if not self._inbox:
            self._site.timeline.after(self._site.scenario.batch_ms, self._take_inbox)
        self._inbox.append(message)

    def _is_heard(self, liar: Ear, message: events.Message) -> bool:
        for publish in liar.relays(message, self.ticker.now_ms):
            self._publish(publish)
        return liar.hears(message)

    def _take_inbox(self) -> None:
        messages, self._inbox = tuple(self._inbox), []
        if messages:
            self._feed(events.Received(messages))

    def _feed(self, event: events.Event) -> None:
        if self._core is None:
            return
        try:
            self._perform(self._core.handle(event, self.ticker.now_ms))
        except KilledError:
            self.kill()
            self.fuse.burned()
            return
        self.ticker.set(self._core.deadline)

    def _perform(self, effects: Sequence[events.Effect]) -> None:
        records = [effect.record for effect in effects if isinstance(effect, events.Store)]
        if records:
            self.fuse.step()
            self.store.apply(records)
            self._site.audit.stored(records)
        for effect in effects:
            if not isinstance(effect, events.Store):
                self.fuse.step()
                self._do(effect)

    def _do(self, effect: events.Effect) -> None:
        site = self._site
        match effect:
            case events.Publish():
                site.audit.publishes(effect.payload)
                for publish in [effect] if self.liar is None else self.liar.says(effect, self.ticker.now_ms):
                    self._publish(publish)
            case events.RoundClosed(result, _):
                site.audit.closes(result)
                site.trace.say(NAME, f"closes {result}")
            case events.Refuse(reason, notification, topic):
                what = "bytes" if notification is None else notification.name
                site.trace.say(NAME, f"refuses {what} on {topic}: {reason.name}")
            case events.Notice(text):
                site.trace.say(NAME, text)
            case events.Store():
                raise AssertionError("records are kept before")

    def _publish(self, publish: events.Publish) -> None:
        site = self._site
        site.drawings.made(publish.payload)
        site.oracle.releases.signed(decode(publish.payload))
        expires_at = site.timeline.now + publish.expires_ms - self.ticker.now_ms
        site.bus.publish(NAME, Letter(publish.topic, publish.payload, publish.is_retained, expires_at))
