"""A running field: the provider as a process with its own Mosquitto, gateways around it, and a stranger on the bus."""

import asyncio
import csv
import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from broker.bus import Bus
from broker.probe import free_port
from broker.settings import BusSettings
from common import topics
from common.frames import SignedFrame, decode
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.payloads import RoundFinal
from common.refusal import RefusedError
from common.suites import BASIC
from provider.service import READY_FILE, RESULTS_FILE, STORE_FILE
from smgw.agent import Agent, wall_ms
from smgw.core.member import Member
from smgw.core.situation import MemberRules
from smgw.ledger import LedgerEntry, read_ledger
from smgw.lmn.settings import SimulatorSettings, open_meter
from smgw.settings import GatewaySettings
from smgw.vault import Vault
from smgw.vault_file import VAULT_FILE
from tests.integration.conftest import eventually

HOST: Final = "127.0.0.1"
WITHIN_S: Final = 40
"""Limit for everything that a few rounds must bring about, on a machine that has other things to do too."""

NORTH: Final = NetworkId(1)
SOUTH: Final = NetworkId(2)
REGIONS: Final = {NORTH: "north", SOUTH: "south"}


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one network, for its provider and its gateways alike.

    A round is full once its last gateway has sent, within 0.36 s; it waits twice as long for one that is slow.
    `draws` above the number of members makes all of them neighbors.
    """

    network: NetworkId = NORTH
    period_s: float = 2
    window_s: float = 0.4
    grace_s: float = 0.4
    correction_s: float = 0.35
    members_min: int = 5
    masks_min: int = 3
    draws: int = 12

    @property
    def region(self) -> str:
        """The region that the network serves."""
        return REGIONS[self.network]

    @property
    def period_ms(self) -> int:
        """The length of a round."""
        return round(self.period_s * 1000)

    def toml(self) -> str:
        """The provider's table of this network."""
        return (
            f'[[network]]\nid = {self.network}\nregion = "{self.region}"\nperiod_s = {self.period_s}\n'
            f"window_s = {self.window_s}\ngrace_s = {self.grace_s}\ncorrection_s = {self.correction_s}\n"
            f"members_min = {self.members_min}\nmasks_min = {self.masks_min}\ndraws = {self.draws}\n"
            "demonstration = true\n"
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of results.csv; energies are None when there is no sum."""

    network: int
    round: int
    status: str
    why: str
    members: int
    present: int
    attempts: int
    import_dwh: int | None
    export_dwh: int | None
    contributors: int | None

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Self:
        """Read a row."""

        def energy(key: str) -> int | None:
            return int(row[key]) if row[key] else None

        return cls(
            int(row["network"]),
            int(row["round"]),
            row["status"],
            row["why"],
            int(row["members"]),
            int(row["present"]),
            int(row["attempts"]),
            energy("import_dwh"),
            energy("export_dwh"),
            energy("contributors"),
        )

    @property
    def has_sum(self) -> bool:
        """Whether a sum was published."""
        return self.import_dwh is not None

    def is_complete(self, members: int) -> bool:
        """Whether so many members were expected and all of them are in the sum."""
        return self.status == "complete" and self.members == members


class Program:
    """A child process whose words go to a file."""

    def __init__(self, module: str, config: Path) -> None:
        self.log = config.with_suffix(".log")
        self._command = [sys.executable, "-m", module, "--config", str(config)]
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it must not run."""
        assert not self.is_running
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def process(self) -> psutil.Process:
        """The running process."""
        assert self._child is not None
        return psutil.Process(self._child.pid)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._child is not None
        self._child.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end."""
        child = self._child
        assert child is not None
        await eventually(lambda: child.poll() is not None, WITHIN_S)
        return child.wait()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        self.send(number)
        return await self.ended()

    async def clean_up(self) -> None:
        """See that it does not run, also when it was stopped in its tracks."""
        if not self.is_running:
            return
        self.send(signal.SIGCONT)
        try:
            await self.end()
        except TimeoutError:
            await self.end(signal.SIGKILL)

    def words(self) -> list[str]:
        """The lines it has written."""
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []


class Gateway:
    """One gateway: in this event loop, with the real vault and the real bus, or as a process of its own."""

    def __init__(self, name: str, seed: int, settings: GatewaySettings, directory: Path) -> None:
        self.name = name
        self.settings = settings
        self.home = settings.home
        self._task: asyncio.Task[None] | None = None
        self._agent: Agent | None = None
        self._core: Member | None = None
        self._kept: list[LedgerEntry] = []
        config = directory / f"{name}.toml"
        config.write_text(_gateway_toml(settings, seed))
        self.program = Program("smgw", config)

    @property
    def core(self) -> Member:
        """The core, for a look inside; of a gateway in this loop, also after it has stopped."""
        assert self._core is not None
        return self._core

    @property
    def agent(self) -> Agent:
        """The shell of a gateway in this loop."""
        assert self._agent is not None
        return self._agent

    def start(self) -> None:
        """Start it in this loop."""
        assert self._task is None
        self._task = asyncio.create_task(self._live(), name=self.name)

    async def _live(self) -> None:
        settings = self.settings
        with Vault(settings.home, settings.ledger_frames) as vault:
            async with Bus(settings.broker, self.name) as bus, open_meter(settings.meter) as meter:
                rules = MemberRules(
                    self.name,
                    settings.region,
                    bytes.fromhex(settings.provider_key),
                    BASIC,
                    settings.members_min,
                    settings.masks_min,
                    settings.degree_max,
                )
                self._core = Member(vault.identity, rules, vault.load(), random.SystemRandom(), wall_ms())
                self._agent = Agent(self._core, vault, bus, meter)
                await self._agent.run()

    async def stop(self) -> None:
        """Stop it in this loop; it stays a member."""
        self.agent.stop()
        await self.ended()

    async def ended(self) -> None:
        """Wait for the end of a gateway in this loop."""
        task, self._task = self._task, None
        assert task is not None
        async with asyncio.timeout(WITHIN_S):
            await task

    async def clean_up(self) -> None:
        """See that nothing of it runs."""
        await self.program.clean_up()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()

    def lose_vault(self) -> None:
        """Delete everything but the identity key; what the ledger said is remembered here."""
        self._kept = self.ledger()
        for path in (self.home / VAULT_FILE, self.home / f"{VAULT_FILE}-journal"):
            path.unlink(missing_ok=True)

    def ledger(self) -> list[LedgerEntry]:
        """All rounds in which it sent, as its vault tells."""
        is_there = (self.home / VAULT_FILE).exists()
        return self._kept + (read_ledger(self.home, 10_000) if is_there else [])


def _gateway_toml(settings: GatewaySettings, seed: int) -> str:
    return (
        f'name = "{settings.name}"\nregion = "{settings.region}"\nhome = "{settings.home}"\n'
        f'provider_key = "{settings.provider_key}"\n'
        f"members_min = {settings.members_min}\nmasks_min = {settings.masks_min}\n"
        f"[broker]\nport = {settings.broker.port}\nreconnect_max_s = {settings.broker.reconnect_max_s}\n"
        f'[meter]\nkind = "simulator"\nseed = {seed}\npv_w = 3000\n'
    )


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as a stranger on the bus heard it."""

    topic: str
    payload: bytes
    is_retained: bool

    @property
    def signed(self) -> SignedFrame | None:
        """The frame in it."""
        try:
            return decode(self.payload)
        except RefusedError:
            return None


class Stranger:
    """A plain MQTT client, none of ours, that listens to everything and says what it likes."""

    def __init__(self, port: int, name: str = "stranger") -> None:
        self.heard: list[Heard] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, name)
        self._client.on_connect = lambda client, *_: client.subscribe("dcnet/#", 1)
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(500)
        self._port = port

    def _hear(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self.heard.append(Heard(message.topic, bytes(message.payload), message.retain))

    async def start(self) -> None:
        """Connect, and connect again whenever the broker comes back."""
        self._client.connect_async(HOST, self._port, keepalive=10)
        self._client.loop_start()
        await eventually(self._client.is_connected, WITHIN_S)

    async def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish and wait for the acknowledgment."""
        await self.say_all([(topic, payload)], retain=retain)

    async def say_all(self, messages: Iterable[tuple[str, bytes]], *, retain: bool = False) -> None:
        """Publish many, in order, and wait for the acknowledgments."""
        said = [self._client.publish(topic, payload, 1, retain) for topic, payload in messages]
        await eventually(lambda: all(info.is_published() for info in said), WITHIN_S)

    def last(self, topic: str) -> Heard | None:
        """What was heard last on a topic."""
        return next((heard for heard in reversed(self.heard) if heard.topic == topic), None)

    async def next(self, wanted: Callable[[Heard], bool], since: int) -> Heard:
        """The first message that is wanted, of those heard after the first `since`."""
        found: list[Heard] = []

        def is_there() -> bool:
            nonlocal since
            news, since = self.heard[since:], len(self.heard)
            found.extend(filter(wanted, news))
            return bool(found)

        await eventually(is_there, WITHIN_S)
        return found[0]

    def finals(self, network: NetworkId = NORTH) -> dict[RoundNumber, set[bytes]]:
        """By round, the distinct FINALs that were heard."""
        topic, found = topics.broadcast(network, topics.Broadcast.FINAL), dict[RoundNumber, set[bytes]]()
        for heard in self.heard:
            if heard.topic == topic and (signed := heard.signed) is not None:
                found.setdefault(RoundFinal.decode(signed.frame.data).round, set()).add(heard.payload)
        return found


class Field:
    """A provider, its gateways, and a stranger. Everything that runs is ended by `close`."""

    def __init__(self, directory: Path, *rules: Rules, is_embedded: bool = True) -> None:
        """Prepare it in an empty directory; the broker gets a fixed port, so that it is found again after a restart."""
        self.rules = {each.network: each for each in rules}
        self.gateways: dict[str, Gateway] = {}
        self.port = free_port(HOST)
        self.stranger = Stranger(self.port)
        self._directory = directory
        self._home = directory / "provider"
        config = directory / "provider.toml"
        config.write_text(
            f'home = "{self._home}"\n[broker]\nembedded = {str(is_embedded).lower()}\nport = {self.port}\n'
            + "".join(each.toml() for each in rules)
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
        path = self._home / READY_FILE
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
        settings = GatewaySettings(
            name=name,
            region=rules.region,
            home=self._directory / name,
            provider_key=self._ready()["public_key"],
            members_min=rules.members_min,
            masks_min=rules.masks_min,
            broker=BusSettings(port=self.port, reconnect_max_s=1),
            meter=SimulatorSettings(seed=seed, pv_w=3_000),
        )
        self.gateways[name] = gateway = Gateway(name, seed, settings, self._directory)
        return gateway

    def lines(self, network: NetworkId = NORTH, after: int = 0) -> list[Line]:
        """The closed rounds of a network above `after`, in the order of the file."""
        path = self._home / RESULTS_FILE
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
        uri = f"file:{quote(str(self._home / STORE_FILE))}?mode=ro"
        with closing(sqlite3.connect(uri, timeout=5, uri=True)) as db:
            return db.execute(query, (network,)).fetchall()

    def check(self, network: NetworkId = NORTH, after: int = 0) -> int:
        """Compare all published sums with the gateways' own ledgers, and see that no round lacks its line.

        Returns:
            How many sums there were.
        """
        lines = self.lines(network)
        numbers = [line.round for line in lines]
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), "a round without a line, or with two"
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
