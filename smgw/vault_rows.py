"""Records as rows of the vault's tables, and back."""

from typing import Final

from common.clients import ClientSet
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.roster import RosterRoot
from common.secret import Secret
from smgw.core.events import Closed, Edge, KnownRoster, Membership, Moved, Replaced, Sent, Slot
from smgw.core.reading import Reading, ReadingStatus

SERIAL_BYTES: Final = 20
"""Room for the serial number of a certificate (RFC 5280, 4.1.2.2)."""

Row = tuple[int | bytes | str, ...]


def edge_row(edge: Edge) -> Row:
    """An edge, with its seed."""
    return (
        edge.tunnel.to_bytes(8),
        edge.peer,
        edge.peer_key,
        edge.peer_serial.to_bytes(SERIAL_BYTES),
        edge.peer_until_ms,
        edge.seed.day,
        edge.seed.secret.reveal(),
        edge.is_started,
        edge.stood_ms,
        edge.holds,
    )


def edge_of(row: tuple[bytes, int, bytes, bytes, int, int, bytes, int, int, int]) -> Edge:
    """The edge in a row."""
    tunnel, peer, peer_key, serial, until_ms, day, seed, is_started, stood_ms, holds = row
    number, aged = TunnelId(int.from_bytes(tunnel)), Seed(day, Secret(seed))
    known = (ClientId(peer), peer_key, int.from_bytes(serial), until_ms)
    return Edge(number, *known, aged, bool(is_started), stood_ms, bool(holds))


def sent_row(sent: Sent) -> Row:
    """What was sent, without its network."""
    return (
        sent.round,
        sent.attempt,
        sent.view,
        sent.reading.import_dwh,
        sent.reading.export_dwh,
        sent.reading.status.name,
        b"".join(tunnel.to_bytes(8) for tunnel in sent.tunnels),
        sent.missing.octets(),
        sent.frame,
        b"".join(client.to_bytes(4) for client in sent.neighbors),
    )


def sent_of(row: tuple[int, int, bytes, int, int, str, bytes, bytes, bytes, bytes]) -> Sent:
    """What a row says was sent."""
    number, attempt, view, import_dwh, export_dwh, status, tunnels, missing, frame, peers = row
    reading = Reading(RoundNumber(number), import_dwh, export_dwh, ReadingStatus[status])
    edges = tuple(TunnelId(int.from_bytes(tunnels[at : at + 8])) for at in range(0, len(tunnels), 8))
    neighbors = tuple(ClientId(int.from_bytes(peers[at : at + 4])) for at in range(0, len(peers), 4))
    return Sent(reading.round, view, reading, attempt, edges, ClientSet.from_octets(missing), frame, neighbors)


def closed_of(row: tuple[int, int, bytes]) -> Closed:
    """How a row says a round was closed."""
    number, is_included, view = row
    return Closed(RoundNumber(number), bool(is_included), view)


def slot_row(slot: Slot) -> Row:
    """A slot."""
    at = slot.at
    head = (slot.number, at.epoch, at.leaves, at.live, at.root)
    return (*head, slot.counter, slot.client, slot.whole_leaves, slot.is_opened)


def slot_of(row: tuple[int, int, int, int, bytes, int, int, int, int]) -> Slot:
    """The slot in a row."""
    number, epoch, leaves, live, root, counter, client, whole_leaves, is_opened = row
    at = RosterRoot(epoch, leaves, live, root)
    return Slot(number, at, counter, ClientId(client), whole_leaves, bool(is_opened))


def roster_row(known: KnownRoster) -> Row:
    """A roster that was accepted."""
    at = known.at
    return (known.network, at.epoch, at.leaves, at.live, at.root, known.name, known.period_ms)


def roster_of(row: tuple[int, int, int, int, bytes, bytes, int]) -> KnownRoster:
    """The roster in a row."""
    network, epoch, leaves, live, root, name, period_ms = row
    return KnownRoster(NetworkId(network), RosterRoot(epoch, leaves, live, root), name, period_ms)


def replaced_row(replaced: Replaced) -> Row:
    """A slot that was replaced, and by which certificate's budget."""
    return (replaced.number, replaced.serial.to_bytes(SERIAL_BYTES))


def replaced_of(row: tuple[int, bytes]) -> Replaced:
    """The replacement in a row."""
    number, serial = row
    return Replaced(int.from_bytes(serial), number)


def moved_row(moved: Moved) -> Row:
    """How often a certificate's gateway was moved."""
    return (moved.serial.to_bytes(SERIAL_BYTES), moved.times)


def moved_of(row: tuple[bytes, int]) -> Moved:
    """The moves in a row."""
    serial, times = row
    return Moved(int.from_bytes(serial), times)


def membership_row(place: Membership) -> Row:
    """A membership."""
    return (place.network, place.client, place.is_leaving, place.serial.to_bytes(SERIAL_BYTES))


def membership_of(row: tuple[int, int, int, bytes]) -> Membership:
    """The membership in a row."""
    network, client, is_leaving, serial = row
    return Membership(NetworkId(network), ClientId(client), bool(is_leaving), int.from_bytes(serial))
