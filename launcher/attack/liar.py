"""`python -m launcher.attack.liar`: the real provider, whose operator lies.

The program is the honest one, with its machine, store and broker. Only between bus and machine stands its operator, who
keeps back one gateway's frame: the honest machine then calls that gateway missing and asks its neighbors to send again.
The operator keeps all frames, computes what they tell of the victim, and writes that down. In a suite with self-masks
it then tries another lie: a FINAL that includes the victim after all.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, final

from broker.events import BusEvent, Message
from broker.home import write_file
from common import topics
from common.clients import ClientSet
from common.frames import Notification, SignedFrame, decode
from common.identifiers import RoundNumber
from common.payloads import Correction, Release, RoundFinal, Superposition
from common.refusal import RefusedError
from common.signing import Direction
from launcher.attack.findings import FINDINGS_FILE, Finding, Lie, encode_findings
from launcher.attack.reckoning import Target
from provider import settings as provider_settings
from provider.aggregator import Exchange
from provider.core.desk import Desk
from provider.core.events import EdgeState
from provider.core.keygraph import neighborhoods
from provider.core.machine import ProviderMachine
from provider.service import run

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Operator:
    """Who lies to one network about the gateway `victim`, once all of its `gateways` take part.

    `wrote` is told each finding. What the operator does with a message is said by what it returns: the message that
    goes on, or None when it does not.
    """

    desk: Desk
    victim: str
    gateways: int
    wrote: Callable[[Finding], None]
    _lies: list[Lie] = field(init=False)
    _target: Target | None = None
    _is_spoiled: bool = False
    _is_silent: bool = False

    def __post_init__(self) -> None:
        self._lies = ["false-correction"]
        if self.desk.suite.has_release:
            self._lies.append("named-and-included")

    @property
    def lies_in(self) -> RoundNumber | None:
        """The round about which it lies now."""
        return self._target.round if self._target else None

    def hear(self, signed: SignedFrame) -> bool:
        """A member's frame has come; returns whether the machine gets it."""
        target, frame = self._target, signed.frame
        if target is None:
            return True
        if frame.notification is Notification.RELEASE:
            release = Release.decode(frame.data)
            if release.round == target.round:
                target.keep_release(frame.client, release)
            return True
        if frame.notification is not Notification.SUPERPOSITION:
            return True
        superposition = Superposition.decode(frame.data)
        if superposition.round != target.round:
            return True
        target.keep_frame(frame.client, superposition)
        return frame.client != target.victim

    def say(self, signed: SignedFrame) -> bytes | None:
        """The machine wants to say something to this network."""
        if self._is_silent and signed.frame.notification is not Notification.FINAL:
            return None
        match signed.frame.notification:
            case Notification.CORRECTION:
                self._hear_correction(Correction.decode(signed.frame.data))
            case Notification.FINAL:
                return self._say_final(signed, RoundFinal.decode(signed.frame.data))
        return signed.raw

    def _hear_correction(self, order: Correction) -> None:
        target = self._target
        if target is not None and order.round == target.round:
            self._is_spoiled |= order.attempt > 1 or order.missing != ClientSet.of([target.victim])

    def _say_final(self, signed: SignedFrame, order: RoundFinal) -> bytes | None:
        target = self._target
        if target is not None and order.round == target.round:
            return self._close(signed, order, target)
        if target is not None and order.round > target.round:
            self._reckon(target)
        elif target is None and not self._is_silent:
            self._begin(order)
        return None if self._is_silent else signed.raw

    def _begin(self, order: RoundFinal) -> None:
        """Lie in the round that this FINAL opens, if everybody was in the last one and is expected in it."""
        victim = next((each.client for each in self.desk.members.values() if each.name == self.victim), None)
        is_whole = len(order.included) == len(order.expected) == self.gateways
        if not self._lies or not is_whole or victim is None or victim not in order.expected:
            return
        near = neighborhoods(frozenset(order.expected), self.desk.graph.in_state(EdgeState.STARTED))
        self._target = Target(self.desk.network, RoundNumber(order.round + 1), victim, near)
        self._is_spoiled = False
        log.info("network %d: the operator lies in round %d (%s)", self.desk.network, order.round + 1, self._lies[0])

    def _close(self, signed: SignedFrame, order: RoundFinal, target: Target) -> bytes | None:
        """The machine closes the round without the victim. The second lie says that it is in the sum."""
        if self._is_spoiled or not target.is_complete:
            log.info("network %d: round %d was disturbed; another one will do", self.desk.network, target.round)
            self._target = None
        elif self._lies[0] == "named-and-included":
            self._is_silent = True
            return self._forge(signed, replace(order, included=order.included | ClientSet.of([target.victim])))
        return signed.raw

    def _forge(self, signed: SignedFrame, order: RoundFinal) -> bytes:
        return replace(signed.frame, data=order.encode()).signed(self.desk.identity, Direction.DOWN)

    def _reckon(self, target: Target) -> None:
        """The shares of the round are there, as far as anybody gives them."""
        found = target.reckon()
        self.wrote(
            Finding(
                lie=self._lies.pop(0),
                network=target.network,
                suite=self.desk.suite.name,
                round=target.round,
                victim=self.victim,
                neighbors=len(target.near[target.victim]),
                holders=found.holders,
                needed=found.needed,
                shares=found.shares,
                lanes=found.lanes,
            )
        )
        self._target = None


@final
class Between:
    """The operators of all networks, in the bus's place toward the provider's loop."""

    def __init__(self, bus: Exchange, operators: Sequence[Operator]) -> None:
        self._bus: Final = bus
        self._operators: Final = {operator.desk.network: operator for operator in operators}

    async def next_batch(self, limit: int, timeout_s: float) -> list[BusEvent]:
        """See `Exchange`."""
        batch = await self._bus.next_batch(limit, timeout_s)
        return [event for event in batch if not isinstance(event, Message) or self._passes(event)]

    def _passes(self, message: Message) -> bool:
        try:
            operator = self._operators.get(topics.parse(message.topic).network)
            return operator is None or operator.hear(decode(message.payload))
        except RefusedError:
            return True

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        """See `Exchange`."""
        said = self._said(topic, payload)
        return said is None or self._bus.publish_soon(topic, said, retain=retain, expires_in_s=expires_in_s)

    def _said(self, topic: str, payload: bytes) -> bytes | None:
        try:
            operator = self._operators.get(topics.parse(topic).network)
            return payload if operator is None else operator.say(decode(payload))
        except RefusedError:
            return payload


def lie(bus: Exchange, machine: ProviderMachine, victims: Sequence[str], gateways: int, home: Path) -> Exchange:
    """Put operators between bus and machine, one for each network, in the order of the victims."""
    findings: list[Finding] = []

    def wrote(finding: Finding) -> None:
        findings.append(finding)
        write_file(home / FINDINGS_FILE, encode_findings(findings))

    desks = [network.desk for network in machine.networks.values()]
    return Between(bus, [Operator(d, name, gateways, wrote) for d, name in zip(desks, victims, strict=True)])


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m launcher.attack.liar", description="Run a provider that lies.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings file (TOML)")
    parser.add_argument("--gateways", type=int, required=True, help="how many each network has")
    parser.add_argument("--victim", action="append", required=True, help="whom it is about, once for each network")
    options = parser.parse_args()
    logging.basicConfig(level="INFO", stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(message)s")
    settings = provider_settings.load(options.config)
    return asyncio.run(
        run(settings, between=lambda bus, machine: lie(bus, machine, options.victim, options.gateways, settings.home))
    )


if __name__ == "__main__":
    sys.exit(main())
