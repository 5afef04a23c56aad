"""What it costs to prove who one is: certificates, draws, the handshake of two neighbors, and enrollment."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from common.agreement import Ends, Initiator, Introduction, Responder
from common.certificates import require_good
from common.draws import VALUES, DrawValues, Opening, counter_limit, require_drawn
from common.identifiers import ClientId, NetworkId, TunnelId
from common.merkle import Tree
from common.roster import Leaf, RosterRoot
from common.secret import Secret
from common.signing import Identity
from common.tunnels import Kind
from launcher.administration import Administration, gateway_party, standing_parties
from launcher.scratch import Scratch
from tests.benchmark import papers
from tests.benchmark.stopwatch import Laps, repeated
from tests.benchmark.tables import Table, ms, us

MEMBERS: Final = 1_000
"""Leaves of the roster in which neighbors are drawn."""

_REGION: Final = "north"
_NOW_MS: Final = papers.TERM.begin_ms + 1


@dataclass(frozen=True, slots=True)
class Proving:
    """CPU of one of each; the enrollment of one gateway among `enrolled` as seconds on the clock, with the disk."""

    certificate: Laps
    commitment: Laps
    draw: Laps
    opening: Laps
    initiator: Laps
    responder: Laps
    enrolled: int
    enrollment_s: float


def measure(times: int, enrolled: int, home: Path) -> Proving:
    """Measure them, each `times` times in a row, and enroll so many gateways below `home`."""
    one, two = (Identity(Secret(bytes([number]) * 32)) for number in (1, 2))
    der, authority = _certificate("one", one), papers.authority()
    values, roster = DrawValues(one, _REGION), _roster(one, two)
    initiator, responder = _handshakes(one, two, roster, times)
    return Proving(
        certificate=repeated(
            lambda: require_good(authority.certificate(der), papers.revocations(), _NOW_MS), times, laps=5
        ),
        commitment=repeated(lambda: DrawValues(one, _REGION).root, 1, laps=5),
        draw=repeated(lambda: values.drawn(5, 0, roster.root, MEMBERS), times, laps=5),
        opening=_check_opening(values, roster, times),
        initiator=initiator,
        responder=responder,
        enrolled=enrolled,
        enrollment_s=_enroll(enrolled, home),
    )


def table(found: Proving) -> Table:
    """What was found, as a section."""
    rows = [
        ("Certificate: who issued it, is it good, µs", us(found.certificate)),
        (f"Commitment to {VALUES:,} draw values, once for a start, ms", ms(found.commitment)),
        ("Drawing a neighbor, µs", us(found.draw)),
        ("Checking a neighbor's draw, µs", us(found.opening)),
        ("Handshake, the side that drew, ms", ms(found.initiator)),
        ("Handshake, the side that was drawn, ms", ms(found.responder)),
        ("Enrollment: key, request, certificate, installed, ms on the clock", f"{found.enrollment_s * 1_000:.1f}"),
    ]
    note = (
        "CPU: the least lap, the median in parentheses. A handshake is two messages of each side, with the other's"
        " certificate and draw checked, without the signatures of its frames. A gateway has some 12 neighbors, and a"
        f" handshake only with a new one. Enrollment: {found.enrolled} gateways at once, each file on the disk (fsync)."
    )
    return Table("Proving who one is", ("What", "Measured"), rows, note)


def _certificate(name: str, identity: Identity) -> bytes:
    return papers.certificate(name, _REGION, identity.public_key, 1)


def _leaf(client: int, identity: Identity) -> Leaf:
    return Leaf(ClientId(client), identity.public_key, DrawValues(identity, _REGION).root, 1)


def _roster(one: Identity, two: Identity) -> RosterRoot:
    """The roster of a network in which these are clients 1 and 2; the others' leaves do not matter."""
    leaves = [_leaf(1, one).encode(), _leaf(2, two).encode()]
    others = [number.to_bytes(len(leaves[0])) for number in range(3, MEMBERS + 1)]
    return RosterRoot(1, MEMBERS, MEMBERS, Tree([*leaves, *others]).root())


def _limit(roster: RosterRoot) -> int:
    return counter_limit(roster.leaves, roster.live, roster.slots(6))


def _opening(values: DrawValues, roster: RosterRoot, index: int) -> Opening:
    """The first draw that falls to this leaf, whatever counter it takes."""
    limit = _limit(roster)
    draws = ((slot, counter) for slot in range(VALUES) for counter in range(limit + 1))
    slot, counter = next(each for each in draws if values.drawn(*each, roster.root, roster.leaves) == index)
    return values.open(slot, counter)


def _check_opening(values: DrawValues, roster: RosterRoot, times: int) -> Laps:
    opening, limit = _opening(values, roster, 1).encode(), _limit(roster)

    def check() -> None:
        require_drawn(Opening.decode(opening), values.root, 1, roster.root, roster.leaves, limit)

    return repeated(check, times, laps=5)


def _handshakes(one: Identity, two: Identity, roster: RosterRoot, times: int) -> tuple[Laps, Laps]:
    """Laps of both sides: all that one has to do in a handshake, with the other's proofs checked."""
    ends = Ends(NetworkId(1), TunnelId(7), Kind.DRAW, roster, _leaf(1, one), _leaf(2, two))
    opening = _opening(DrawValues(one, _REGION), roster, 1).encode()
    own = Introduction(_certificate("one", one), TunnelId(0), 20_000, opening)
    other = Introduction(_certificate("two", two))
    first, second = Laps(), Laps()
    for _ in range(times):
        drawing, drawn = Laps(), Laps()
        with drawing.lap():
            initiator = Initiator(ends, Secret(bytes([3]) * 32))
        with drawn.lap():
            responder = Responder(ends, Secret(bytes([4]) * 32))
            reply = responder.reply(initiator.hello, other)
        with drawing.lap():
            _require(initiator.meet(reply))
            confirm = initiator.confirm(own)
        with drawn.lap():
            introduction, _, stored = responder.meet(confirm)
            _require(introduction)
            shown = Opening.decode(introduction.opening)
            require_drawn(shown, ends.initiator.draw_root, 1, roster.root, roster.leaves, _limit(roster))
        with drawing.lap():
            initiator.finish(stored)
        first.seconds.append(sum(drawing.seconds))
        second.seconds.append(sum(drawn.seconds))
    return first, second


def _require(introduction: Introduction) -> None:
    require_good(papers.authority().certificate(introduction.certificate), papers.revocations(), _NOW_MS)


def _enroll(count: int, home: Path) -> float:
    """Seconds for each of so many gateways, enrolled by the demonstration's administrator."""
    home.mkdir(mode=0o700)
    scratch = Scratch(home, is_kept=True)
    administration = Administration(scratch)
    administration.found()
    administration.enroll(standing_parties(scratch))
    parties = [gateway_party(scratch, f"gateway-{number}", _REGION) for number in range(count)]
    began_s = time.perf_counter()
    administration.enroll(parties)
    return (time.perf_counter() - began_s) / count
