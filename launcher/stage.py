"""The processes of a demonstration: provider, gateways and emulated meters, the same programs as in the field."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from launcher.administration import Administration, gateway_party, standing_parties
from launcher.child import Child
from launcher.errors import FailedError
from launcher.profile import Profile
from launcher.scratch import Scratch
from launcher.script import Action, Step
from launcher.settings import GatewayPlan, ProviderReady, gateway_plan, gateway_settings, provider_settings
from launcher.toml_writer import Table, to_toml
from provider.service import READY_FILE
from smgw.vault_file import VAULT_FILE

_START_WITHIN_S: Final = 60
_END_WITHIN_S: Final = 8
_POLL_S: Final = 0.02
_WATCH_S: Final = 0.1


@dataclass(slots=True)
class Gateway:
    """A gateway and its processes: the latest of its own, and of its emulated meter if it has one."""

    plan: GatewayPlan
    home: Path
    process: Child | None = None
    meter: Child | None = None

    @property
    def children(self) -> list[Child]:
        """Its processes."""
        return [child for child in (self.process, self.meter) if child is not None]


@dataclass(slots=True)
class Stage:
    """Starts, signals and ends processes; `homes` are those of all gateways that ever ran.

    `provider` is the module that runs as the provider, and its options.
    """

    profile: Profile
    scratch: Scratch
    provider: tuple[str, ...] = ("provider",)
    gateways: dict[tuple[int, int], Gateway] = field(default_factory=dict)
    _administration: Administration = field(init=False)
    _provider: Child | None = None
    _ready: ProviderReady | None = None

    def __post_init__(self) -> None:
        self._administration = Administration(self.scratch)

    @property
    def homes(self) -> list[Path]:
        """The home directories of the gateways."""
        return [gateway.home for gateway in self.gateways.values()]

    @property
    def children(self) -> list[Child]:
        """Every process that was started, the provider last."""
        provider = [self._provider] if self._provider else []
        return [*(child for gateway in self.gateways.values() for child in gateway.children), *provider]

    async def enroll(self) -> float:
        """Found an authority, and give a certificate to everybody who takes part from the beginning.

        Returns:
            How many seconds it took.

        Raises:
            LauncherError: Something cannot be written.
        """
        begin_s = time.monotonic()
        gateways = [gateway_party(self.scratch, plan.name, plan.plan.region) for plan in self._plans]
        await asyncio.to_thread(self._administration.found)
        await asyncio.to_thread(self._administration.enroll, [*standing_parties(self.scratch), *gateways])
        return time.monotonic() - begin_s

    @property
    def _plans(self) -> list[GatewayPlan]:
        """The gateways with which the networks begin."""
        return [
            gateway_plan(self.profile, network_id, number)
            for network_id, network in enumerate(self.profile.network, 1)
            for number in range(1, network.gateways + 1)
        ]

    async def start_provider(self) -> ProviderReady:
        """Start the provider, which starts Mosquitto; return how to reach it, once it can be reached.

        Raises:
            FailedError: It ended instead, or takes too long.
        """
        settings = self._write("provider", provider_settings(self.profile, self.scratch))
        ready_file = self.scratch.provider_home / READY_FILE
        self._provider = self._start("provider", *self.provider, "--config", str(settings))
        await _until(ready_file.exists, "the provider", self._provider)
        self._ready = ProviderReady.read(ready_file)
        assert self._ready is not None, "the file appears whole"
        return self._ready

    async def start_gateways(self, tell: Callable[[int, int], None]) -> None:
        """Start the gateways of all networks, as many at a time as there are processors.

        Args:
            tell: Is told how many are up, and of how many.
        """
        plans = self._plans
        at_a_time = asyncio.Semaphore(os.cpu_count() or 1)
        up = 0

        async def start(plan: GatewayPlan) -> None:
            nonlocal up
            async with at_a_time:
                await self._start_gateway(self._settle(plan))
            up += 1
            tell(up, len(plans))

        async with asyncio.TaskGroup() as group:
            for plan in plans:
                group.create_task(start(plan))

    def _settle(self, plan: GatewayPlan) -> Gateway:
        """Write the settings of a gateway that is enrolled."""
        assert self._ready is not None, "the provider is started first"
        self._write(plan.name, gateway_settings(plan, self._ready, self.scratch))
        gateway = Gateway(plan, self.scratch.gateway_home(plan.name))
        self.gateways[plan.network_id, plan.number] = gateway
        return gateway

    async def _start_gateway(self, gateway: Gateway) -> None:
        """Start a gateway that has its settings, for the first time or again: the command is the same."""
        name = gateway.plan.name
        if gateway.plan.meter.kind == "emulator" and gateway.meter is None:
            await self._start_meter(gateway)
        gateway.process = self._start(name, "smgw", "--config", str(self.scratch.settings(name)))
        await _until((gateway.home / VAULT_FILE).exists, name, gateway.process)

    async def _start_meter(self, gateway: Gateway) -> None:
        plan = gateway.plan
        name, link = f"meter-of-{plan.name}", self.scratch.meter_link(plan.name)
        options = [
            *("--seed", str(plan.seed)),
            *("--link", str(link)),
            *("--interval", str(min(self.profile.period_s / 5, 1.0))),
            *("--pv-w", str(plan.meter.pv_w)),
        ]
        gateway.meter = self._start(name, "smgw.lmn.emulator", *options)
        await _until(link.is_symlink, name, gateway.meter)

    def _start(self, name: str, module: str, *options: str) -> Child:
        # -P: a directory of the same name in the present one must not be taken for our package.
        return Child.start(name, [sys.executable, "-P", "-m", module, *options], self.scratch.log(name))

    def _write(self, name: str, settings: Table) -> Path:
        path = self.scratch.settings(name)
        path.write_text(to_toml(settings), encoding="utf-8")
        return path

    async def play(self, network_id: int, step: Step) -> str:
        """Do one step of the script; return the name of its gateway."""
        if step.action is Action.JOIN:
            last = max(number for network, number in self.gateways if network == network_id)
            return await self._join(gateway_plan(self.profile, network_id, last + 1))
        assert step.gateway is not None, "the profile was checked"
        gateway = self.gateways[network_id, step.gateway]
        assert gateway.process is not None, "it was started before"
        match step.action:
            case Action.FAIL:
                gateway.process.kill()
            case Action.RETURN:
                await self._start_gateway(gateway)
            case Action.LEAVE:
                gateway.process.may_end = True
                gateway.process.send(signal.SIGUSR1)
            case Action.REVOKE:
                await asyncio.to_thread(self._administration.revoke, gateway.plan.name)
        return gateway.plan.name

    async def _join(self, plan: GatewayPlan) -> str:
        """Enroll a further gateway and start it: with its certificate there is a new revocation list."""
        party = gateway_party(self.scratch, plan.name, plan.plan.region)
        await asyncio.to_thread(self._administration.enroll, [party])
        await self._start_gateway(self._settle(plan))
        return plan.name

    async def watch(self, tell: Callable[[str], None]) -> None:
        """Look after the processes for ever.

        Args:
            tell: Is told when a gateway has ended in order without the script: somebody outside asked it to.

        Raises:
            FailedError: One has ended that nobody asked to.
        """
        while True:
            for child in self.children:
                if child.is_running or child.may_end:
                    continue
                if child is self._provider or not child.ended_well:
                    raise FailedError(child.obituary())
                child.may_end = True
                tell(f"{child.name} has ended, as somebody asked it to")
            await asyncio.sleep(_WATCH_S)

    async def end(self, force: asyncio.Event) -> None:
        """End all processes: gateways and meters first, then the provider, which ends its Mosquitto.

        Args:
            force: When set, nothing is waited for any more.
        """
        provider = [self._provider] if self._provider else []
        for phase in ([child for child in self.children if child not in provider], provider):
            for child in phase:
                child.ask_to_end()
            await _ended(phase, force)
            for child in phase:
                child.kill()


async def _ended(children: Sequence[Child], force: asyncio.Event) -> None:
    """Wait until all have ended, at most `_END_WITHIN_S`, and not at all once `force` is set."""
    give_up_s = time.monotonic() + _END_WITHIN_S
    while any(child.is_running for child in children) and time.monotonic() < give_up_s and not force.is_set():  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)


async def _until(is_there: Callable[[], bool], name: str, child: Child) -> None:
    """Wait until a process has made its sign of life."""
    give_up_s = time.monotonic() + _START_WITHIN_S
    while not is_there():
        if not child.is_running:
            child.may_end = True
            raise FailedError(child.obituary())
        if time.monotonic() > give_up_s:
            raise FailedError(f"{name} is not ready after {_START_WITHIN_S} s. {child.tail()}")
        await asyncio.sleep(_POLL_S)
