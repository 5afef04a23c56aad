"""One provider from its settings to its end: home, store, identity, broker, bus, machine and loop, put together."""

import asyncio
import json
import logging
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from broker.bus import Bus
from broker.events import Presence
from broker.groups import leaves
from broker.home import HomeError, hold_home, write_file
from broker.keyfile import load_or_make_identity
from broker.mosquitto import Broker
from broker.program import BrokerError
from common import topics
from common.signing import Identity
from provider.aggregator import Aggregator, unix_ms
from provider.core.events import NetworkSetup
from provider.core.machine import ProviderMachine
from provider.mirror import Mirrored
from provider.results import ResultsFile
from provider.settings import ProviderSettings
from provider.store import Charter, Store

log = logging.getLogger(__name__)

KEY_FILE: Final = "identity.key"
LOCK_FILE: Final = "provider.pid"
STORE_FILE: Final = "provider.db"
RESULTS_FILE: Final = "results.csv"
READY_FILE: Final = "provider.json"
BROKER_DIRECTORY: Final = "mosquitto"

FAILED: Final = 2
"""Exit status when something has to be put right first; the log says what."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is."""

    host: str
    port: int


async def run(settings: ProviderSettings, stop: asyncio.Event | None = None) -> int:
    """Be the provider until `stop` is set, or without one until SIGINT or SIGTERM.

    Returns:
        0 after a clean stop; 2 when home, key, store or broker can't be used, with one sentence in the log.
    """
    status = 0
    try:
        with hold_home(settings.home, LOCK_FILE), Store(settings.home / STORE_FILE) as store:
            await _serve(settings, store, stop or _stop_on_signals())
    except* (HomeError, BrokerError) as errors:
        for error in leaves(errors):
            log.error("%s", error)
        status = FAILED
    return status


async def _serve(settings: ProviderSettings, store: Store, stop: asyncio.Event) -> None:
    ready_file = settings.home / READY_FILE
    ready_file.unlink(missing_ok=True)
    identity = load_or_make_identity(settings.home / KEY_FILE)
    machine = ProviderMachine(identity, _setups(settings, store, identity), random.SystemRandom(), unix_ms())
    results = _results(settings, store)
    presence = Presence(topics.presence(settings.name))
    async with (
        _broker(settings) as address,
        Bus(settings.bus(address.host, address.port), settings.name, presence) as bus,
    ):
        for topic_filter in topics.PROVIDER_FILTERS:
            bus.subscribe(topic_filter)
        aggregator = Aggregator(machine, Mirrored(bus) if settings.mirror else bus, store, results)
        async with asyncio.TaskGroup() as group:
            loop = group.create_task(aggregator.run(), name="aggregator")
            ready = group.create_task(_tell_ready(settings, identity, address, aggregator), name="readiness")
            try:
                await stop.wait()
                log.info("stopping")
            finally:
                ready_file.unlink(missing_ok=True)
            ready.cancel()
            loop.cancel()


def _setups(settings: ProviderSettings, store: Store, identity: Identity) -> list[NetworkSetup]:
    """Found or resume each network, with what the store remembers of it."""
    setups = []
    for each in settings.network:
        rules = each.parameters
        store.charter(Charter(each.network, each.region, rules.suite, rules.schedule.period_ms, identity.public_key))
        setups.append(NetworkSetup(each.network, rules, store.load(each.network)))
        if each.warning:
            log.warning("%s", each.warning)
    return setups


def _results(settings: ProviderSettings, store: Store) -> ResultsFile:
    """The results file, with the lines that a crash kept from it."""
    results = ResultsFile(settings.home / RESULTS_FILE)
    for each in settings.network:
        results.append(store.results_from(each.network, results.first_open(each.network)))
    return results


@asynccontextmanager
async def _broker(settings: ProviderSettings) -> AsyncIterator[Address]:
    """The broker's address: of our own Mosquitto, which runs and is started again while inside, or as it was given."""
    if not settings.broker.embedded:
        yield Address(settings.broker.host, settings.broker.port)
        return
    async with Broker(settings.broker, settings.home / BROKER_DIRECTORY) as broker:
        yield Address(broker.host, broker.port)


async def _tell_ready(settings: ProviderSettings, identity: Identity, address: Address, aggregator: Aggregator) -> None:
    """Once the bus stands, write down what a gateway needs to know, and say it."""
    await aggregator.connected.wait()
    ready = {
        "public_key": identity.public_key.hex(),
        "host": address.host,
        "port": address.port,
        "pid": os.getpid(),
        "networks": [{"id": each.id, "region": each.region} for each in settings.network],
    }
    write_file(settings.home / READY_FILE, f"{json.dumps(ready, indent=2)}\n".encode())
    log.info("provider %s is ready on %s:%d", identity.public_key.hex(), address.host, address.port)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
