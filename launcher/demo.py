"""`dcnet demo`: a whole network on this machine, from Mosquitto to the gateways, as real processes.

Reads top to bottom: the stage is set, the script is played round by round, what the provider publishes is compared
with what the gateways metered, and in the end no process is left.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from broker import events as bus_events
from broker.bus import Bus
from broker.credentials import load_credentials
from broker.settings import BusSettings
from common.certificates import Role
from common.identifiers import NetworkId, RoundNumber
from launcher.administration import SPECTATOR
from launcher.board import Board
from launcher.errors import FailedError
from launcher.performance import FAILED, INTERRUPTED, PLAYED, perform, prepared
from launcher.profile import Overrides, load_profile
from launcher.scratch import Scratch
from launcher.script import Step, sentence
from launcher.settings import ProviderReady
from launcher.spectator import NetworkView, Spectator
from launcher.stage import Stage
from launcher.view import JsonView, LiveView, PlainView, View, save_picture
from launcher.watching import Watching

_REFRESH_S: Final = 0.15
_POLL_S: Final = 0.02
_BATCH_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asks for. `capture` takes a picture of the end."""

    profile: str
    overrides: Overrides
    keep: Path | None = None
    as_json: bool = False
    capture: Path | None = None


def run_demo(options: DemoOptions) -> int:
    """Play a profile.

    Returns:
        0 when every published sum was exact and no round was without a reason; 1 when not, or when a process ended by
        itself; 130 when it was stopped before its rounds were played.

    Raises:
        LauncherError: It cannot begin; the text says what to do.
    """
    profile = load_profile(options.profile, options.overrides)
    schedule = profile.schedule
    with prepared(options.keep) as scratch:
        networks = [
            NetworkView(NetworkId(i), plan.gateways, None if plan.has_real_meter else 0)
            for i, plan in enumerate(profile.network, 1)
        ]
        where = _shown(scratch.results) + ("" if scratch.is_kept else " (gone when this ends, unless --keep DIR)")
        show = Show(Board(profile, schedule, networks, where), Stage(profile, scratch), options)
        status = asyncio.run(show.run())
        _tell_end(show.board, scratch, options)
    return status


class Show:
    """One demonstration: the board that is shown, and the stage on which it happens."""

    def __init__(self, board: Board, stage: Stage, options: DemoOptions) -> None:
        self.board: Final = board
        self._stage: Final = stage
        self._view: Final = _view(board, options)

    async def run(self) -> int:
        """Play it, and leave no process behind."""
        status = await perform(self._stage, self._show)
        return FAILED if status == FAILED else self._status()

    async def _show(self) -> None:
        with self._view:
            try:
                await self._play()
            finally:
                self.board.is_over = True

    def _status(self) -> int:
        if not all(closed.is_good for closed in self.board.closed):
            return FAILED
        is_unfinished = self.board.profile.rounds > 0 and not self.board.is_done
        return INTERRUPTED if is_unfinished else PLAYED

    async def _play(self) -> None:
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._refresh())]
            seconds = await self._stage.enroll()
            self._view.say(f"Enrolled {self.board.gateways} gateways and all others in {seconds:.1f} s.")
            ready = await self._stage.start_provider()
            beside.append(group.create_task(self._stage.watch(self._view.say)))
            self._tell_ready(ready)
            credentials = self._stage.scratch.inspector_home(SPECTATOR)
            spectator = self._spectator(credentials)
            settings = BusSettings(host=ready.host, port=ready.port)
            async with Bus(settings, SPECTATOR, credentials=credentials) as bus:
                for topic_filter in spectator.filters:
                    bus.subscribe(topic_filter)
                beside.append(group.create_task(self._stage.start_gateways(self._note_up)))
                beside += [group.create_task(self._direct(view)) for view in self.board.networks]
                await self._follow(bus, spectator)
            for task in beside:
                task.cancel()

    def _tell_ready(self, ready: ProviderReady) -> None:
        watching = self.board.watching = Watching.of(ready, self._stage.scratch)
        for line in (f"The provider is ready. Results: {self.board.results}.", *watching.long):
            self._view.say(line)

    def _spectator(self, credentials: Path) -> Spectator:
        """Whoever judges the sums; it takes the provider's key from the certificate that it was given."""
        provider = load_credentials(credentials, Role.INSPECTOR, _now_ms()).provider
        assert provider is not None, "an inspector's credentials were checked when they were installed"
        stage = self._stage
        return Spectator(self.board.networks, provider.public_key, stage.scratch.results, lambda: stage.homes)

    async def _refresh(self) -> None:
        while True:
            self._view.refresh()
            await asyncio.sleep(_REFRESH_S)

    def _note_up(self, up: int, of: int) -> None:
        self.board.up = up
        if up == of:
            # Who is up now knows both ends of the interval that begins with the next round and ends with the one after.
            heard = self.board.schedule.round_at(_now_ms()) + 2
            for view in self.board.networks:
                view.not_before = view.not_before if view.not_before is not None else heard
            self._view.say(f"{up} gateways are running; they agree on seeds with their neighbors.")

    async def _follow(self, bus: Bus, spectator: Spectator) -> None:
        """Take closed rounds from the bus until all are played.

        Raises:
            FailedError: Nothing closes any more.
        """
        period_s = self.board.profile.period_s
        patience_s = 30 + self.board.gateways + 6 * period_s
        give_up_s = time.monotonic() + patience_s
        while not self.board.is_done:
            for event in await bus.next_batch(_BATCH_MAX, 1):
                closed = await spectator.hear(event) if isinstance(event, bus_events.Message) else []
                for each in closed:
                    self.board.closed.append(each)
                    if each.number:
                        give_up_s = time.monotonic() + 30 + 3 * period_s
                    if self.board.is_played(each):
                        self._view.show(each)
            if time.monotonic() > give_up_s:
                raise FailedError(self._nothing_happens())

    def _nothing_happens(self) -> str:
        stuck = [view for view in self.board.networks if view.origin is None]
        if not stuck:
            return "No round has closed for a long time. Look at the provider's log: run again with --keep DIR."
        members = ", ".join(f"{view.expected} of {view.gateways} in network {view.network}" for view in stuck)
        return (
            f"Not all gateways have become members in time ({members}). This machine may be too busy: take fewer "
            "--gateways or a longer --period, or run again with --keep DIR and look at the logs."
        )

    async def _direct(self, view: NetworkView) -> None:
        """Play the script of one network, each step when its time comes."""
        while view.origin is None:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        plan = self.board.profile.network[view.network - 1]
        for step in self.board.profile.steps_of(plan):
            at_ms = self.board.schedule.start(RoundNumber(view.origin + step.round - 1)) + step.delay_s * 1000
            await asyncio.sleep(max(at_ms / 1000 - time.time(), 0))
            await self._do(view, step)

    async def _do(self, view: NetworkView, step: Step) -> None:
        text = sentence(step.action, await self._stage.play(view.network, step))
        self.board.notes.setdefault((view.network, step.round), []).append(text)
        self._view.say(f"round {step.round}: {text}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _view(board: Board, options: DemoOptions) -> View:
    console = Console()
    if options.as_json:
        return JsonView(board)
    is_plain = not console.is_terminal or console.is_dumb_terminal or console.encoding != "utf-8"
    return PlainView(board) if is_plain else LiveView(board, console)


def _shown(path: Path) -> str:
    """A path as a person would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _tell_end(board: Board, scratch: Scratch, options: DemoOptions) -> None:
    out = sys.stderr if options.as_json else sys.stdout
    if scratch.is_kept:
        out.write(f"Results: {_shown(scratch.results)}; settings, vaults and logs are in {_shown(scratch.root)}\n")
    if options.capture is not None:
        save_picture(board, options.capture)
