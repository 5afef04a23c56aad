"""`dcnet demo --attack false-correction`: the lie of the thesis' correction, against both suites side by side.

Everything is real: Mosquitto, TLS, the gateways, and the provider's own program, whose operator lies. What the operator
computes is compared here with the victims' own ledgers, which no provider sees.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from launcher.attack.findings import Finding, read_findings
from launcher.attack.verdict import Outcome, proofs_of, truth_of
from launcher.errors import FailedError, LauncherError
from launcher.performance import FAILED, INTERRUPTED, PLAYED, perform, prepared
from launcher.profile import MeterChoice, Overrides, Profile, load_profile
from launcher.scratch import Scratch
from launcher.settings import SAMPLES, gateway_plan
from launcher.stage import Stage
from launcher.view import print_line

VICTIM: Final = 3
"""The number of the gateway in each network that it is about."""

COOKING: Final = SAMPLES / "cooking.csv"
"""What the victims' meters replay: always between 1.4 and 3.6 kW."""

LEAST: Final = 6
MOST: Final = 25
"""Enough to go on without one; and no more than are all neighbors, so that everybody is the victim's."""

_LIES: Final = 3
_POLL_S: Final = 0.05
_FIRST_WITHIN_S: Final = 60
_ROUNDS_MAX: Final = 40
_EVIDENCE_WITHIN_S: Final = 5
_WIDTH: Final = 120
_SAID: Final = {
    "false-correction": "the provider kept back the frame of {}, called it missing, and has its neighbors' answers",
    "named-and-included": "the provider did it again, and put {} into the FINAL all the same",
}


@dataclass(frozen=True, slots=True)
class AttackOptions:
    """What the command line asks for."""

    gateways: int | None = None
    period_s: float | None = None
    keep: Path | None = None
    as_json: bool = False


def run_attack(options: AttackOptions) -> int:
    """Play the lying provider.

    Returns:
        0 when it read the victim in suite basic and not in suite hardened, 1 when not, or when something failed; 130
        after Ctrl-C.

    Raises:
        LauncherError: It cannot begin; the text says what to do.
    """
    if options.gateways is not None and not LEAST <= options.gateways <= MOST:
        raise LauncherError(f"--gateways {options.gateways} does not fit --attack. Give {LEAST} to {MOST}.")
    profile = with_victims(load_profile("attack", Overrides(options.gateways, None, options.period_s)))
    with prepared(options.keep) as scratch:
        say = _say_aside if options.as_json else print_line
        attack = Attack(profile, scratch, say)
        status = asyncio.run(attack.run())
        if attack.outcomes and status != INTERRUPTED:
            status = max(status, _tell(attack.outcomes, options, say))
    return status


def with_victims(profile: Profile) -> Profile:
    """The profile with a victim in each network that never uses too little to be seen."""
    meter = MeterChoice(gateway=VICTIM, kind="csv", path=COOKING)
    networks = tuple(plan.model_copy(update={"meter": (meter,)}) for plan in profile.network)
    return profile.model_copy(update={"network": networks})


class Attack:
    """One performance; `outcomes` are what came of each lie."""

    def __init__(self, profile: Profile, scratch: Scratch, say: Callable[[str], None]) -> None:
        self.outcomes: list[Outcome] = []
        self._profile: Final = profile
        self._scratch: Final = scratch
        self._say: Final = say
        self._plans: Final = [gateway_plan(profile, number, VICTIM) for number in range(1, len(profile.network) + 1)]
        victims = [word for plan in self._plans for word in ("--victim", plan.name)]
        size = str(profile.network[0].gateways)
        self._stage: Final = Stage(profile, scratch, ("launcher.attack.liar", "--gateways", size, *victims))

    async def run(self) -> int:
        """Play it, and leave no process behind; returns the exit status so far."""
        return await perform(self._stage, self._play)

    async def _play(self) -> None:
        async with asyncio.TaskGroup() as group:
            size = self._profile.network[0].gateways
            self._say(f"dcnet demo --attack false-correction: {self._profile.title}, {size} gateways each")
            seconds = await self._stage.enroll()
            self._say(f"Enrolled {2 * size} gateways and all others in {seconds:.1f} s.")
            await self._stage.start_provider()
            watching = group.create_task(self._stage.watch(self._say))
            self._say("The provider is ready. It runs the real program; what stands between it and the bus lies.")
            await self._stage.start_gateways(self._note_up)
            await self._follow()
            watching.cancel()

    def _note_up(self, up: int, of: int) -> None:
        if up == of:
            self._say(f"{up} gateways are running; they agree on seeds. The provider waits for two whole rounds.")

    async def _follow(self) -> None:
        """Take what the liar finds, until all lies are told.

        Raises:
            FailedError: It does not come to an end.
        """
        give_up_s = time.monotonic() + _FIRST_WITHIN_S + _ROUNDS_MAX * self._profile.period_s
        while len(self.outcomes) < _LIES:
            for finding in read_findings(self._scratch.provider_home)[len(self.outcomes) :]:
                self.outcomes.append(await self._judge(finding))
                what = _SAID[finding.lie].format(finding.victim)
                self._say(f"network {finding.suite}, round {finding.round}: {what}.")
            if time.monotonic() > give_up_s:
                raise FailedError("The lies were not all told in time. Take a longer --period, or look at --keep DIR.")
            await asyncio.sleep(_POLL_S)

    async def _judge(self, finding: Finding) -> Outcome:
        truth = truth_of(self._scratch.gateway_home(finding.victim), finding)
        if finding.lie != "named-and-included":
            return Outcome(finding, truth)
        homes = [gateway.home for gateway in self._stage.gateways.values() if gateway.plan.plan.suite == finding.suite]
        give_up_s, proofs = time.monotonic() + _EVIDENCE_WITHIN_S, proofs_of(homes, finding)
        while len(proofs) < len(homes) and time.monotonic() < give_up_s:
            await asyncio.sleep(_POLL_S)
            proofs = proofs_of(homes, finding)
        return Outcome(finding, truth, proofs)


def _tell(outcomes: list[Outcome], options: AttackOptions, say: Callable[[str], None]) -> int:
    """Show what came out; returns whether it is what it should be, as an exit status."""
    basic = [each.is_read for each in outcomes if each.finding.suite == "basic"]
    hardened = [each.is_read for each in outcomes if each.finding.suite == "hardened"]
    is_right = any(basic) and len(hardened) == _LIES - 1 and not any(hardened)
    if options.as_json:
        print_line(json.dumps({"outcomes": [each.as_json() for each in outcomes], "is_as_promised": is_right}))
    else:
        Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False).print(_table(outcomes))
        for each in outcomes:
            if each.proofs:
                say(f"{len(each.proofs)} gateways keep both orders as evidence (dcnet smgw evidence). {each.proofs[0]}")
    say(
        "In suite basic the provider reads the household, in suite hardened it does not."
        if is_right
        else "This is not what was promised. Run it again with --keep DIR and look at the logs."
    )
    return PLAYED if is_right else FAILED


def _table(outcomes: list[Outcome]) -> Table:
    """One column for each lie."""
    table = Table(title="What the lying provider computes", title_justify="left", show_lines=True)
    table.add_column("", ratio=2)
    for each in outcomes:
        table.add_column(f"suite {each.finding.suite}, {each.finding.lie}", ratio=3, overflow="fold")
    table.add_row("victim", *(f"{each.finding.victim}, round {each.finding.round}" for each in outcomes))
    table.add_row("its frame, less what its neighbors' frames changed by", *(each.claim for each in outcomes))
    table.add_row("its own ledger", *(each.truth.sentence for each in outcomes))
    table.add_row("so", *(Text(each.why, style="bold red" if each.is_read else "green") for each in outcomes))
    return table


def _say_aside(text: str) -> None:
    sys.stderr.write(f"{text}\n")
