"""The broker of the break-in tests, and who is there: alice, who is honest, mallory, who is not, and the roles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.access import Access
from broker.mosquitto import Broker
from broker.settings import BrokerSettings
from common.identifiers import NetworkId
from tests.credentials import Administrator
from tests.integration.strangers import Stranger

NETWORKS: Final = (NetworkId(7), NetworkId(8))
INBOX: Final = "dcnet/1/7/down/alice"
MARK: Final = ("dcnet/1/7/up/alice", "afterward")
"""What the gateway alice publishes behind each attack; it has to arrive, and before it nothing."""

MARKED: Final = " ".join(MARK)

FORBIDDEN: Final = (
    "dcnet/1/7/up/alice",
    "dcnet/1/7/tunnel/alice",
    "dcnet/1/register/alice",
    "dcnet/1/7/down/alice",
    "dcnet/1/7/down/mallory",
    "dcnet/1/0/down/alice",
    "dcnet/1/7/all/roster",
    "dcnet/1/7/all/final",
    "dcnet/1/7/all/correction",
    "dcnet/1/7/all/mallory",
    "dcnet/1/7/result",
    "dcnet/1/7/decoded/up/alice",
    "dcnet/1/presence/provider",
    "dcnet/1/9/up/mallory",
    "dcnet/1/7/up/mallory/more",
    "dcnet/1/7/mallory",
    "dcnet/2/7/up/mallory",
    "mallory",
    "$SYS/broker/uptime",
    "homeassistant/device/mallory/config",
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A broker with its administrator, the gateways alice and mallory, the provider, and inspectors.

    One inspector only watches, and so sees what really passes.
    """

    broker: Broker
    administrator: Administrator

    @property
    def alice(self) -> Stranger:
        return self.client("alice")

    @property
    def mallory(self) -> Stranger:
        return self.client("mallory")

    @property
    def provider(self) -> Stranger:
        return Stranger(self.broker, self.administrator.provider(), "provider")

    @property
    def inspector(self) -> Stranger:
        return Stranger(self.broker, self.administrator.inspector(), "inspector")

    @property
    def watcher(self) -> Stranger:
        return Stranger(self.broker, self.administrator.inspector("inspector-watcher"), "inspector-watcher")

    def client(self, gateway: str) -> Stranger:
        return Stranger(self.broker, self.administrator.gateway(gateway), gateway)

    async def mark(self) -> None:
        assert await self.alice.publish(*MARK) == 0


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[Scene]:
    """A scene with all its files in `home`; the watcher listens already."""
    administrator = Administrator(home / "administrator")
    access = Access("provider", NETWORKS, ("inspector", "inspector-watcher"))
    async with Broker(BrokerSettings(), home / "mosquitto", administrator.broker(), access) as running:
        scene = Scene(running, administrator)
        assert await scene.watcher.listen("#") == 0
        yield scene
