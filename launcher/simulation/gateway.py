"""A gateway in virtual time: the real member core, an in-memory vault, a meter, and a shell that can be killed.

Its shell performs effects as `smgw.agent` does: records that stand together are kept together, everything else is done
one by one, in order.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import final

from common.identifiers import RoundNumber
from common.refusal import Refusal
from launcher.simulation.credentials import Credentials
from launcher.simulation.disks import Vault
from launcher.simulation.lies import Lie
from launcher.simulation.oracle import MemberKey
from launcher.simulation.pipes import Letter
from launcher.simulation.process import Fuse, KilledError, Ticker
from launcher.simulation.site import Site
from smgw.core.events import (
    ClockStepped,
    Connected,
    Disconnected,
    Effect,
    Event,
    LeaveRequested,
    Left,
    Notice,
    Publish,
    ReadingTaken,
    Received,
    Record,
    Refuse,
    Store,
    Subscribe,
    TakeReading,
    Tick,
    VaultContents,
)
from smgw.core.member import Member
from smgw.core.reading import Reading, ReadingStatus
from smgw.core.situation import MemberRules

_WORD = 2**63


@final
class Gateway:
    """One household. `wants_in` until its owner asks it to leave, or the administrator revokes its certificate."""

    def __init__(self, site: Site, party: Credentials, rules: MemberRules) -> None:
        self.name = rules.name
        self.region = rules.region
        self.party = party
        self.vault = Vault()
        self.backup = VaultContents()
        self.fuse = Fuse()
        self.is_running = False
        self.has_left = False
        self.wants_in = True
        self.is_meter_whole = False
        self.refusals: Counter[Refusal] = Counter()
        """What it has refused, and how often, over all its lives."""
        self.notices: list[str] = []
        """What its owner was told."""
        self.ticker = Ticker(site.timeline, lambda: self.feed(Tick()))
        self._site = site
        self._rules = rules
        self._core: Member | None = None
        self._lives = 0
        self._meter: random.Random = site.scenario.stream(f"meter {self.name}")

    @property
    def member(self) -> MemberKey | None:
        """Network and client identifier, as the vault has them."""
        membership = self.vault.contents.membership
        return None if membership is None else (membership.network, membership.client)

    def answers_to(self, lie: Lie) -> int:
        """How often it refused what the provider lied about, or told its owner; it does both for most lies."""
        told = sum(lie.words in notice for notice in self.notices) if lie.words else 0
        return max(told, sum(self.refusals[reason] for reason in lie.answers))

    def start(self) -> None:
        """Begin a life with what the vault holds."""
        if self.is_running or self.has_left:
            return
        self._lives += 1
        entropy = self._site.scenario.stream(f"{self.name} {self._lives}")
        self.is_running = True
        self._site.trace.say(self.name, f"starts, life {self._lives}")
        self._site.genuine.started(self.name)
        self._core = Member(self.party.identity, self._rules, self.vault.contents, entropy, self.ticker.now_ms)
        self._site.bus.start(self.name)
        self.ticker.set(self._core.deadline)

    def kill(self) -> None:
        """End like kill -9: whatever is not in the vault is gone."""
        self._site.trace.say(self.name, "is killed")
        self.is_running = False
        self._core = None
        self.ticker.set(None)
        self._site.bus.kill(self.name)

    def restart(self) -> None:
        """Its owner stops it and starts it again, with the settings as they are now."""
        if self.is_running:
            self.kill()
            self.start()

    def step_clock(self, by_ms: int) -> None:
        """Its clock is set; the shell looks at it often enough to notice, and lets the core see it."""
        self._site.trace.say(self.name, f"clock {by_ms:+d} ms")
        self.ticker.offset_ms += by_ms
        self.feed(ClockStepped(by_ms))
        self.feed(Tick())

    def restore(self, contents: VaultContents) -> None:
        """Put an older copy of its vault in place, or an empty one."""
        before = self.member
        self.vault.restore(contents)
        for member in (before, self.member):
            if member is not None:
                self._site.drawings.forget(member, contents.slots if member == self.member else ())

    def install(self, party: Credentials) -> None:
        """Its owner has installed another certificate for the same key, which counts from the next start."""
        self.party = party
        self._rules = replace(self._rules, certificate=party.certificate)
        if self.member is not None:
            self._site.drawings.renewed(self.member)

    def leave(self) -> None:
        """Its owner wants to leave the network for good."""
        self.wants_in = False
        self.feed(LeaveRequested())

    def come_back(self) -> None:
        """Its owner has left the network, and wants in again."""
        if self.has_left:
            self.has_left, self.wants_in = False, True
            self.start()

    def on_connected(self) -> None:
        """See `bus.Client`."""
        self.feed(Connected())

    def on_disconnected(self) -> None:
        """See `bus.Client`."""
        self.feed(Disconnected())

    def on_message(self, letter: Letter) -> None:
        """See `bus.Client`."""
        self.feed(Received(letter.topic, letter.payload, letter.is_retained))

    def feed(self, event: Event) -> None:
        """Hand one event to the core and do what it wants."""
        if self._core is None:
            return
        try:
            self._perform(self._core.handle(event, self.ticker.now_ms))
        except KilledError:
            self.kill()
            self.fuse.burned()
            return
        if self._core is not None:
            self.ticker.set(self._core.deadline)

    def _perform(self, effects: Sequence[Effect]) -> None:
        is_torn = self._site.scenario.is_torn
        for is_record, run in groupby(effects, lambda effect: isinstance(effect, Store)):
            records = [effect.record for effect in run if isinstance(effect, Store)] if is_record else []
            for batch in [[record] for record in records] if is_torn else [records] if records else []:
                self.fuse.step()
                self._keep(batch)
            if not is_record:
                for effect in run:
                    self.fuse.step()
                    self._do(effect)

    def _keep(self, batch: Sequence[Record]) -> None:
        self._site.oracle.stored(self.name, self.member, batch)
        self.vault.apply(batch)
        self._site.genuine.kept(self.name, self.party.values, self.vault.contents, batch)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Publish(topic, payload, expires_ms):
                self._site.oracle.publishes(self.name, payload)
                self._site.drawings.made(payload)
                expires_at = self._site.timeline.now + expires_ms - self.ticker.now_ms
                self._site.bus.publish(self.name, Letter(topic, payload, expires_at=expires_at))
            case Subscribe(topic_filter):
                self._site.bus.subscribe(self.name, topic_filter)
            case TakeReading(round_):
                self._ask_meter(round_)
            case Notice(_, text):
                self.notices.append(text)
                self._site.trace.say(self.name, text)
            case Refuse(reason, notification):
                self.refusals[reason] += 1
                what = "bytes" if notification is None else notification.name
                self._site.trace.say(self.name, f"refuses {what}: {reason.name}")
            case Left():  # perhaps because a restored vault said so, although its owner wanted in again
                self.has_left, self.wants_in = True, False
                self.kill()
            case Store():
                raise AssertionError("records are kept together")

    def _ask_meter(self, round_: RoundNumber) -> None:
        """The meter answers soon; if it is not whole, perhaps late, never, or with nothing valid."""
        rng, window_ms = self._meter, self._site.scenario.parameters.schedule.window_ms
        fate = 1.0 if self.is_meter_whole else rng.random()
        if fate < 0.02:
            return
        reading = _draw_reading(rng, round_, is_valid=self.is_meter_whole)
        self._site.oracle.answered(self.name, reading)
        delay_ms = int(rng.random() * (window_ms * 2 if fate < 0.05 else 100))
        life = self._lives
        self._site.timeline.after(delay_ms, lambda: self._answer(life, reading))

    def _answer(self, life: int, reading: Reading) -> None:
        if life == self._lives:
            self.feed(ReadingTaken(reading))


def _draw_reading(rng: random.Random, round_: RoundNumber, *, is_valid: bool) -> Reading:
    """Mostly household values; sometimes nothing, negative, as large as a word, or (unless `is_valid`) not valid."""
    kind = rng.random()
    if kind < 0.05 and not is_valid:
        statuses = [status for status in ReadingStatus if status is not ReadingStatus.VALID]
        return Reading(round_, 0, 0, rng.choice(statuses))
    if kind < 0.10:
        return Reading(round_, 0, 0, ReadingStatus.VALID)
    if kind < 0.15:
        values = (rng.randrange(-_WORD, _WORD), rng.randrange(-_WORD, _WORD))
        return Reading(round_, *values, ReadingStatus.VALID)
    low = -500 if kind < 0.20 else 0
    return Reading(round_, rng.randint(low, 9_000), rng.randint(low, 3_000), ReadingStatus.VALID)


def describe(gateway: Gateway, label_: str) -> str:
    """One gateway in a few words, for the message of a violation."""
    member = gateway.member
    where = "no member" if member is None else f"client {member[1]} of network {member[0]}"
    edges = gateway.vault.contents.edges
    started = sum(edge.is_started for edge in edges)
    return f"{gateway.name} ({where}, {len(edges)} edges, {started} started) {label_}"
