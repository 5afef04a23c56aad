"""Other people's secure sums on the same work, in the same run: each meter's three lanes of 64 bits, the sum exact.

Each peer lives in an environment of its own with pinned versions, and a script there does the work, prints what it
cost, and stops when a sum is wrong. Nothing of it is imported here.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmark.peers.child import Heard, PlayedRound, hear
from tests.benchmark.peers.environment import UnavailableError, interpreter
from tests.benchmark.stopwatch import Laps

DROPOUTS: Final = (0.0, 0.01, 0.05, 0.1)
LIMIT_S: Final = 60
"""For each peer and size, on the clock; of whoever needs longer, the rounds that were finished by then are shown."""

_HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Peer:
    """How one peer is run, and in a sentence what a reader must know of it.

    `arguments` go to the script beside the size, the shares of missing meters and the number of rounds. With `only`
    the peer is measured at that size alone.
    """

    name: str
    requirements: Path
    script: Path
    rounds: int
    remark: str
    arguments: Sequence[str] = ()
    only: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One peer at one size with one share of missing meters.

    CPU is in seconds, of a meter and of the server, one lap for each round that finished; `up_bytes` of a meter.
    `why` says in the peer's words or ours why rounds are missing or did not finish.
    """

    name: str
    size: int
    dropout: float
    played: int
    finished: int
    meter: Laps
    server: Laps
    up_bytes: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class PeerTable:
    """All that was measured, the packages that did it, and the peers with their remarks."""

    rows: Sequence[Row]
    versions: Sequence[tuple[str, str]]
    peers: Sequence[Peer]


def _flower(shares: int, threshold: int, rounds: int, remark: str, *, is_absent: bool = False) -> Peer:
    arguments = ("--shares", str(shares), "--threshold", str(threshold), *(("--absent",) if is_absent else ()))
    name = f"Flower SecAgg+, {threshold} of {shares} shares{', one meter offline' if is_absent else ''}"
    settings = f" num_shares = {shares}, reconstruction_threshold = {threshold}."
    only = 100 if is_absent else None
    return Peer(name, _HERE / "flower.txt", _HERE / "flower_secagg.py", rounds, remark + settings, arguments, only)


PEERS: Final = (
    _flower(
        5,
        3,
        5,
        "Its own workflow and client. Meters go missing after they handed out their shares, the only moment that it can"
        " repair. It draws its masks from seeds folded to 32 bits.",
    ),
    _flower(25, 17, 3, "The same with more shares."),
    _flower(
        5,
        3,
        5,
        "The same, but one meter that the server invited says nothing from its first message on.",
        is_absent=True,
    ),
    Peer(
        "Paillier 2048, packed",
        _HERE / "paillier.txt",
        _HERE / "paillier.py",
        5,
        "Who holds the key can decrypt each reading alone.",
    ),
    Peer(
        "DecLearn masks, 4 neighbors",
        _HERE / "declearn.txt",
        _HERE / "masks_declearn.py",
        5,
        "A ring of neighbors chosen here (its own set-up pairs all with all), seeds dealt once for all rounds, frames"
        " packed here. No repair. It draws its masks from PCG64, which is no cryptographic generator.",
        ("--neighbors", "4"),
    ),
)


def measure(
    sizes: Sequence[int],
    dropouts: Sequence[float],
    limit_s: float,
    peers: Sequence[Peer] = PEERS,
    say: Callable[[str], None] = lambda _: None,
) -> PeerTable:
    """Run every peer, each size for at most `limit_s` seconds. `say` gets a sentence before each.

    A peer that can't be installed or does not finish is in the table all the same, with the reason.
    """
    rows: list[Row] = []
    versions: dict[str, str] = {}
    for peer in peers:
        for size in sizes if peer.only is None else [peer.only]:
            say(f"{peer.name}, n = {size}")
            shares = dropouts if peer.only is None else [1 / size]
            # A share of a small network that is less than half a meter would be nobody under another name.
            wanted = [share for share in shares if not share or round(share * size)]
            heard = _hear(peer, size, wanted, limit_s)
            versions |= heard.versions
            rows += _rows(peer, size, wanted, heard)
    return PeerTable(rows, sorted(versions.items()), peers)


def _hear(peer: Peer, size: int, dropouts: Sequence[float], limit_s: float) -> Heard:
    try:
        python = interpreter(peer.requirements)
    except UnavailableError as error:
        return Heard(ending=f"not installed: {error}")
    # The two ends first: when the time runs out between them, they tell the most.
    order = [str(share) for share in (*dropouts[:1], *dropouts[:0:-1])]
    # Isolated: neither the caller's variables nor the modules beside the script get into the peer's Python.
    command = [str(python), "-I", str(peer.script), "--size", str(size), "--dropouts", *order]
    return hear([*command, "--rounds", str(peer.rounds), *peer.arguments], limit_s)


def _rows(peer: Peer, size: int, dropouts: Sequence[float], heard: Heard) -> Iterable[Row]:
    for dropout in dropouts:
        played = [one for one in heard.rounds if one.dropout == dropout]
        finished = [one for one in played if one.is_finished]
        reasons = list(dict.fromkeys(one.why for one in played if not one.is_finished))
        if len(played) < peer.rounds:
            reasons.append(
                f"{peer.rounds - len(played)} of {peer.rounds} rounds not played: {heard.ending or 'no more came'}"
            )
        yield Row(
            peer.name,
            size,
            dropout,
            len(played),
            len(finished),
            Laps([one.meter_cpu_s for one in finished]),
            Laps([one.server_cpu_s for one in finished]),
            _mean_bytes(finished),
            "; ".join(reasons),
        )


def _mean_bytes(rounds: Sequence[PlayedRound]) -> int:
    return round(sum(one.up_bytes for one in rounds) / len(rounds)) if rounds else 0
