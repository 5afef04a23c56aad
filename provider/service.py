"""One provider from its settings to its end: home, store, identity, broker, bus, machine and loop, put together."""

import asyncio
import json
import logging
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from broker.access import Access
from broker.bus import Bus
from broker.credentials import AUTHORITY_FILE, REVOCATIONS_FILE, Credentials, load_credentials
from broker.events import Presence
from broker.floods import RateLimited
from broker.groups import leaves
from broker.home import HomeError, hold_home, write_file
from broker.mosquitto import Broker
from broker.program import BrokerError
from broker.toml import SettingsError
from common import topics
from common.certificates import RevocationList, Role
from common.refusal import RefusedError
from common.signing import Identity
from provider.aggregator import Aggregator, Exchange, unix_ms
from provider.core.events import NetworkSetup, RevocationsRenewed
from provider.core.machine import ProviderMachine
from provider.core.trust import Trust
from provider.mirror import Mirrored
from provider.results import ResultsFile
from provider.settings import TLS_PORT, ProviderSettings
from provider.store import Charter, Store
from provider.watch import RevocationsWatch, hand_over, renew_at_broker

log = logging.getLogger(__name__)

LOCK_FILE: Final = "provider.pid"
STORE_FILE: Final = "provider.db"
RESULTS_FILE: Final = "results.csv"
READY_FILE: Final = "provider.json"
BROKER_DIRECTORY: Final = "mosquitto"
"""Where Mosquitto works."""

BROKER_CREDENTIALS: Final = "broker"
"""Where Mosquitto's own key and certificate are."""

_LOCAL: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- nothing is bound here
"""How the provider reaches a broker that listens on all interfaces."""

FAILED: Final = 2
"""Exit status when something has to be put right first; the log says what."""


Between = Callable[[Exchange, ProviderMachine], Exchange]
"""What may stand between the bus and the machine: it takes the bus's place toward the loop."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the broker is, as the provider itself reaches it; `broker` when it is our own Mosquitto."""

    host: str
    port: int
    broker: Broker | None = None


async def run(settings: ProviderSettings, stop: asyncio.Event | None = None, between: Between | None = None) -> int:
    """Be the provider until `stop` is set, or without one until SIGINT or SIGTERM.

    Args:
        settings: Everything that it needs to know.
        stop: Ends it.
        between: Puts something between bus and machine; the demonstration of a lying provider does.

    Returns:
        0 after a clean stop; 2 when home, key, store or broker can't be used, with one sentence in the log.
    """
    status = 0
    try:
        with hold_home(settings.home, LOCK_FILE), Store(settings.home / STORE_FILE) as store:
            await _serve(settings, store, stop or _stop_on_signals(), between)
    except* (HomeError, BrokerError, SettingsError) as errors:
        for error in leaves(errors):
            log.error("%s", error)
        status = FAILED
    return status


async def _serve(settings: ProviderSettings, store: Store, stop: asyncio.Event, between: Between | None = None) -> None:
    ready_file = settings.home / READY_FILE
    ready_file.unlink(missing_ok=True)
    credentials = _credentials(settings)
    machine = _machine(settings, store, credentials)
    results = _results(settings, store)
    presence = Presence(topics.presence(settings.name))
    async with (
        _broker(settings, credentials) as place,
        Bus(settings.bus(place.host, place.port), settings.name, presence, credentials=settings.home) as bus,
    ):
        for topic_filter in topics.PROVIDER_FILTERS:
            bus.subscribe(topic_filter)
        limited = RateLimited(bus, place.broker, settings.broker.messages_per_minute_max)
        exchange = Mirrored(limited) if settings.mirror else limited
        aggregator = Aggregator(machine, between(exchange, machine) if between else exchange, store, results)
        watch = _watch(settings, credentials, aggregator, place)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(aggregator.run(), name="aggregator"),
                group.create_task(watch.run(), name="revocations"),
                group.create_task(limited.enforce(), name="floods"),
                group.create_task(_tell_ready(settings, credentials.identity, place, aggregator), name="readiness"),
            ]
            try:
                await stop.wait()
                log.info("stopping")
            finally:
                ready_file.unlink(missing_ok=True)
            for task in tasks:
                task.cancel()


def _credentials(settings: ProviderSettings) -> Credentials:
    """The provider's own, which its name on the bus must be that of."""
    credentials = load_credentials(settings.home, Role.PROVIDER, unix_ms())
    named = credentials.certificate.subject.name
    if named != settings.name:
        raise HomeError(
            f"The certificate in {settings.home} is for provider {named!r}, and the settings name {settings.name!r}. "
            f"Set name = {named!r}, or have a certificate issued for the other name."
        )
    return credentials


def _machine(settings: ProviderSettings, store: Store, credentials: Credentials) -> ProviderMachine:
    """The machine, with what the store remembers of each network."""
    setups = _setups(settings, store, credentials.identity)
    try:
        trust = Trust(credentials.authority, credentials.revocations)
    except ValueError as error:
        raise HomeError(f"{settings.home / REVOCATIONS_FILE} cannot be used: {error}.") from error
    try:
        return ProviderMachine(credentials.identity, setups, random.SystemRandom(), unix_ms(), trust)
    except RefusedError as error:
        raise HomeError(
            f"The members in {store.path} have certificates of another administrator than {settings.home} trusts. "
            f"Restore the {AUTHORITY_FILE} that belongs to this store."
        ) from error


def _setups(settings: ProviderSettings, store: Store, identity: Identity) -> list[NetworkSetup]:
    """Found or resume each network, with what the store remembers of it."""
    setups = []
    for each in settings.network:
        rules = each.parameters
        store.charter(Charter(each.network, each.region, rules.suite, rules.schedule.period_ms, identity.public_key))
        setups.append(NetworkSetup(each.network, rules, store.load(each.network)))
        for warning in filter(None, (each.warning, each.suite_warning)):
            log.warning("%s", warning)
    return setups


def _results(settings: ProviderSettings, store: Store) -> ResultsFile:
    """The results file, with the lines that a crash kept from it."""
    results = ResultsFile(settings.home / RESULTS_FILE)
    for each in settings.network:
        results.append(store.results_from(each.network, results.first_open(each.network)))
    return results


@asynccontextmanager
async def _broker(settings: ProviderSettings, credentials: Credentials) -> AsyncIterator[Place]:
    """Where the broker is: our own Mosquitto, which runs and is started again while inside, or as it was given."""
    if not settings.broker.embedded:
        yield Place(settings.broker.host, settings.broker.port or TLS_PORT)
        return
    directory = settings.home / BROKER_CREDENTIALS
    if (directory / AUTHORITY_FILE).exists():
        hand_over(directory, credentials.revocations)
    networks = tuple(each.network for each in settings.network)
    access = Access(settings.name, networks, settings.broker.inspectors)
    async with Broker(settings.broker, settings.home / BROKER_DIRECTORY, directory, access) as broker:
        yield Place(_LOCAL.get(broker.host, broker.host), broker.port, broker)


def _watch(
    settings: ProviderSettings, credentials: Credentials, aggregator: Aggregator, place: Place
) -> RevocationsWatch:
    """Whoever replaces the list of revoked certificates tells machine and broker with it."""

    async def renewed(revocations: RevocationList) -> None:
        aggregator.hand_in(RevocationsRenewed(revocations.der))
        if place.broker is not None:
            await renew_at_broker(place.broker, settings.home / BROKER_CREDENTIALS, revocations)

    return RevocationsWatch(settings.home, credentials.authority, credentials.revocations, renewed)


async def _tell_ready(settings: ProviderSettings, identity: Identity, place: Place, aggregator: Aggregator) -> None:
    """Once the bus stands, write down what a gateway needs to know, and say it."""
    await aggregator.connected.wait()
    ready = {
        "public_key": identity.public_key.hex(),
        "host": place.host,
        "port": place.port,
        "pid": os.getpid(),
        "networks": [{"id": each.id, "region": each.region} for each in settings.network],
    }
    write_file(settings.home / READY_FILE, f"{json.dumps(ready, indent=2)}\n".encode())
    log.info("provider %s is ready on %s:%d", identity.public_key.hex(), place.host, place.port)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
