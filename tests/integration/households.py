"""Gateways as tests run them: in the loop of the test or as processes."""

import asyncio
import random
from pathlib import Path

from broker.bus import Bus
from broker.credentials import load_credentials
from common.certificates import Role
from smgw.agent import Agent, rules_of, wall_ms
from smgw.core.member import Member
from smgw.ledger import LedgerEntry, read_ledger
from smgw.lmn.settings import open_meter
from smgw.settings import GatewaySettings
from smgw.vault import Vault
from smgw.vault_file import VAULT_FILE
from tests.integration.program import WITHIN_S, Program


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
        rules = rules_of(settings, load_credentials(settings.home, Role.GATEWAY, wall_ms()))
        with Vault(settings.home, settings.ledger_frames) as vault:
            bus = Bus(settings.broker, self.name, credentials=settings.home)
            async with bus, open_meter(settings.meter) as meter:
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
        """Delete everything but key and certificates; what the ledger said is remembered here."""
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
        f"members_min = {settings.members_min}\nmasks_min = {settings.masks_min}\n"
        f"period_min_s = {settings.period_min_s}\n"
        f"[broker]\nport = {settings.broker.port}\nreconnect_max_s = {settings.broker.reconnect_max_s}\n"
        f'[meter]\nkind = "simulator"\nseed = {seed}\npv_w = 3000\n'
    )
