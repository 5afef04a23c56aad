"""A running field: the provider as a process with its own Mosquitto, gateways around it, and a stranger on the bus.

Everybody in it has a certificate of one administrator, who belongs to the field.
"""

import csv
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from broker.probe import free_port
from broker.settings import BusSettings
from common import topics
from common.certificates import Role, Subject
from common.frames import decode
from common.identifiers import ClientId, NetworkId, TunnelId
from common.payloads import RoundFinal
from provider.service import READY_FILE, RESULTS_FILE, STORE_FILE
from smgw.ledger import LedgerEntry
from smgw.lmn.settings import SimulatorSettings
from smgw.settings import GatewaySettings
from tests.credentials import LOCAL, Administrator
from tests.integration.conftest import eventually
from tests.integration.households import Gateway
from tests.integration.networks import NORTH, Line, Rules
from tests.integration.program import HOST, WITHIN_S, Program
from tests.integration.stranger import Stranger


class Field:
    """A provider, its gateways, and a stranger. Everything that runs is ended by `close`.

    The stranger has the certificate of an inspector, who reads everything. `home` is the provider's, `broker_home` has
    the broker's credentials.
    """

    def __init__(self, directory: Path, *rules: Rules, is_embedded: bool = True, inspector: str = "inspector") -> None:
        """Prepare it in an empty directory; the broker gets a fixed port, so that it is found again after a restart."""
        self.rules = {each.network: each for each in rules}
        self.gateways: dict[str, Gateway] = {}
        self.port = free_port(HOST)
        self.administrator = Administrator(directory / "administrator")
        self.stranger = Stranger(self.port, self.administrator.inspector(inspector))
        self._directory = directory
        self.home = self.administrator.provider()
        self.broker_home = self.administrator.issue(self.home / "broker", Subject(Role.BROKER, "broker"), LOCAL)
        config = directory / "provider.toml"
        config.write_text(
            f'home = "{self.home}"\n[broker]\nembedded = {str(is_embedded).lower()}\nport = {self.port}\n'
            'inspectors = ["inspector"]\n' + "".join(each.toml() for each in rules)
        )
        self.provider = Program("provider", config)

    async def open(self) -> None:
        """Start the provider and the stranger."""
        await self.start_provider()
        await self.stranger.start()

    async def close(self) -> None:
        """End everything."""
        await self.stranger.stop()
        for gateway in self.gateways.values():
            await gateway.clean_up()
        await self.provider.clean_up()

    async def start_provider(self) -> None:
        """Start the provider and wait until it is connected to its broker."""
        self.provider.start()
        pid = self.provider.process.pid
        await eventually(lambda: self._ready().get("pid") == pid or not self.provider.is_running, WITHIN_S)
        assert self.provider.is_running, self.provider.words()[-5:]

    def _ready(self) -> dict[str, Any]:
        path = self.home / READY_FILE
        try:
            ready = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        assert isinstance(ready, dict)
        return ready

    @property
    def mosquitto(self) -> psutil.Process:
        """The provider's own broker."""
        (child,) = self.provider.process.children()
        return child

    def add(self, name: str, network: NetworkId = NORTH) -> Gateway:
        """A new gateway, not yet started."""
        rules, seed = self.rules[network], len(self.gateways) + 1
        home = self.administrator.issue(self._directory / name, Subject(Role.GATEWAY, name, rules.region))
        settings = GatewaySettings(
            name=name,
            region=rules.region,
            home=home,
            members_min=rules.members_min,
            masks_min=rules.masks_min,
            period_min_s=rules.period_s,
            broker=BusSettings(port=self.port, reconnect_max_s=1),
            meter=SimulatorSettings(seed=seed, pv_w=3_000),
        )
        self.gateways[name] = gateway = Gateway(name, seed, settings, self._directory)
        return gateway

    def lines(self, network: NetworkId = NORTH, after: int = 0) -> list[Line]:
        """The closed rounds of a network above `after`, in the order of the file."""
        path = self.home / RESULTS_FILE
        text = path.read_text() if path.exists() else ""
        rows = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
        return [line for line in map(Line.of, rows) if line.network == network and line.round > after]

    def last_round(self, network: NetworkId = NORTH) -> int:
        """The last closed round; 0 before there is one."""
        return max((line.round for line in self.lines(network)), default=0)

    async def until(
        self, wanted: Callable[[Line], bool], *, network: NetworkId = NORTH, after: int | None = None
    ) -> Line:
        """The first closed round that is wanted, above `after`, which is by default the last one that is closed."""
        start = self.last_round(network) if after is None else after
        found: list[Line] = []

        def is_there() -> bool:
            found.extend(filter(wanted, self.lines(network, start)))
            return bool(found)

        try:
            await eventually(is_there, WITHIN_S)
        except TimeoutError as error:
            raise AssertionError(f"no such round; last: {self.lines(network, start)[-5:]}") from error
        return found[0]

    async def until_complete(self, members: int, *, network: NetworkId = NORTH, after: int | None = None) -> Line:
        """The first round in which so many members are expected and none is missing."""
        return await self.until(lambda line: line.is_complete(members), network=network, after=after)

    async def settled(self, members: int, network: NetworkId = NORTH) -> Line:
        """The last round if so many members were complete in it, else the first such round to come."""
        return await self.until_complete(members, network=network, after=self.last_round(network) - 1)

    async def pass_rounds(self, count: int, network: NetworkId = NORTH) -> None:
        """Wait until so many more rounds are closed, however they end."""
        first = self.last_round(network)
        await self.until(lambda line: line.round >= first + count, network=network, after=first)

    async def counts(self, network: NetworkId = NORTH) -> Counter[str]:
        """How many messages the provider has refused, by reason in lower case, as told by the last closed round."""
        closed = self.last_round(network)
        await eventually(lambda: self._told(network)[0] >= closed, WITHIN_S)
        return self._told(network)[1]

    async def counts_now(self, network: NetworkId = NORTH) -> Counter[str]:
        """The same, told by a round that closes after this call."""
        closed = max(self._told(network)[0], self.last_round(network))
        await eventually(lambda: self._told(network)[0] > closed, WITHIN_S)
        return self._told(network)[1]

    def _told(self, network: NetworkId) -> tuple[int, Counter[str]]:
        """The last result's round and counts."""
        heard = self.stranger.last(topics.result(network))
        shown = json.loads(heard.payload) if heard is not None else {"round": 0}
        counts = {key.removeprefix("refused_"): n for key, n in shown.items() if key.startswith("refused_")}
        return shown["round"], Counter(counts)

    async def until_refused(self, before: Counter[str], **reasons: int) -> Counter[str]:
        """What was refused since `before`, once there are so many of each of these reasons."""
        await eventually(lambda: self._told(NORTH)[1] - before >= Counter(reasons), WITHIN_S)
        return self._told(NORTH)[1] - before

    def members(self, network: NetworkId = NORTH) -> dict[ClientId, str]:
        """The names of the provider's members."""
        rows = self._query("SELECT client, name FROM member WHERE network = ?", network)
        return {ClientId(client): name for client, name in rows}

    def client(self, name: str, network: NetworkId = NORTH) -> ClientId:
        """The last client identifier of a gateway."""
        return max(client for client, each in self.members(network).items() if each == name)

    def tunnels(self, *clients: ClientId, network: NetworkId = NORTH) -> set[TunnelId]:
        """The edges between these members, or of this member, that the provider keeps."""
        rows = self._query("SELECT tunnel, initiator, responder FROM edge WHERE network = ?", network)
        return {TunnelId(int.from_bytes(octets)) for octets, *ends in rows if set(clients) <= set(ends)}

    def finals(self, network: NetworkId = NORTH) -> dict[int, bytes]:
        """The FINAL of each closed round, as the provider keeps it."""
        return dict(self._query("SELECT round, frame FROM final WHERE network = ?", network))

    def _query(self, query: str, network: NetworkId) -> list[tuple[Any, ...]]:
        uri = f"file:{quote(str(self.home / STORE_FILE))}?mode=ro"
        with closing(sqlite3.connect(uri, timeout=5, uri=True)) as db:
            return db.execute(query, (network,)).fetchall()

    def check(self, network: NetworkId = NORTH, after: int = 0) -> int:
        """Compare all published sums with the gateways' own ledgers, and see that no round lacks its line.

        Returns:
            How many sums there were.
        """
        waiting = {number for (number,) in self._query("SELECT round FROM pending WHERE network = ?", network)}
        lines = self.lines(network)
        numbers = sorted(line.round for line in lines)
        lacking = set(range(numbers[0], numbers[-1] + 1)).difference(numbers)
        assert len(set(numbers)) == len(numbers), "a round with two lines"
        assert lacking <= waiting, "a round without a line that does not wait for shares"
        sums = [line for line in lines if line.has_sum and line.round > after]
        finals, names = self.finals(network), self.members(network)
        ledgers = {name: _by_round(gateway.ledger(), network) for name, gateway in self.gateways.items()}
        for line in sums:
            included = RoundFinal.decode(decode(finals[line.round]).frame.data).included
            entries = [ledgers[names[client]][line.round] for client in included]
            assert line.present == len(included)
            assert _truth(entries) == (line.import_dwh, line.export_dwh, line.contributors), line
        assert all(line.has_sum or line.why for line in lines), "a round without sum and reason"
        return len(sums)


def _truth(entries: Collection[LedgerEntry]) -> tuple[int, int, int]:
    readings = [entry.reading for entry in entries if entry.reading.is_valid]
    return sum(each.import_dwh for each in readings), sum(each.export_dwh for each in readings), len(readings)


def _by_round(entries: Iterable[LedgerEntry], network: NetworkId) -> dict[int, LedgerEntry]:
    return {entry.round: entry for entry in entries if entry.network == network}
