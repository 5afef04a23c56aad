"""A meter for machines without one: SML telegrams of a simulated household on a pseudo-terminal.

    python -m smgw.lmn.emulator --seed 7 --link scratch/meter-7 --interval 0.5

The link leads to the terminal, so `port = "scratch/meter-7"` reads it like an infrared head. It appears when the
emulator is ready, and goes away with it (SIGTERM or SIGINT).
"""

import argparse
import asyncio
import os
import signal
import termios
import tty
from collections.abc import Sequence
from pathlib import Path

from smgw.lmn.clock import SYSTEM_CLOCK, Clock
from smgw.lmn.household import HouseholdOptions
from smgw.lmn.simulated import SimulatedMeter
from smgw.lmn.telegram import encode_telegram, entries_of

_DEVICE_ID_PREFIX = b"\x0a\x01DCN\x00"
_INTERVAL_MIN_S = 0.05


async def emulate(
    meter: SimulatedMeter, link: Path, interval_s: float, stop: asyncio.Event, clock: Clock = SYSTEM_CLOCK
) -> None:
    """Write a telegram every `interval_s` until `stop` is set.

    Raises:
        FileExistsError: if `link` is there and not a symbolic link.
    """
    await meter.open()
    controller, terminal = os.openpty()
    try:
        tty.setraw(terminal)
        os.set_blocking(controller, False)
        _place(link, os.ttyname(terminal))
        try:
            while not stop.is_set():
                _write(controller, terminal, _telegram(meter, clock))
                await _wait(stop, interval_s)
        finally:
            _remove(link, os.ttyname(terminal))
    finally:
        os.close(controller)
        os.close(terminal)


def _place(link: Path, target: str) -> None:
    """Point the link to the terminal; one that a killed emulator left behind is replaced."""
    if link.is_symlink():
        link.unlink()
    link.symlink_to(target)


def _remove(link: Path, target: str) -> None:
    """Remove the link, unless another emulator has taken the place since."""
    if link.is_symlink() and str(link.readlink()) == target:
        link.unlink()


def _telegram(meter: SimulatedMeter, clock: Clock) -> bytes:
    sample = meter.register_at(clock.wall_ms())
    entries = entries_of(sample) if sample is not None else []
    return encode_telegram(entries, _DEVICE_ID_PREFIX + os.getpid().to_bytes(4, "big"), clock.steady_ms() // 1000)


def _write(controller: int, terminal: int, telegram: bytes) -> None:
    """Send like a meter, which does not wait for a listener: what nobody reads is thrown away, oldest first."""
    try:
        written = os.write(controller, telegram)
    except BlockingIOError:
        written = 0
    if written < len(telegram):
        termios.tcflush(terminal, termios.TCIFLUSH)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    meter = SimulatedMeter(arguments.seed, HouseholdOptions(pv_w=arguments.pv_w))
    await emulate(meter, arguments.link, arguments.interval, stop)


def main(argv: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m smgw.lmn.emulator", description="A meter on a pseudo-terminal.")
    parser.add_argument("--seed", type=int, required=True, help="which household")
    parser.add_argument("--link", type=Path, required=True, help="where to put the link to the terminal")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between telegrams (default 1)")
    parser.add_argument("--pv-w", type=int, default=0, help="peak power of a photovoltaic system in W (default none)")
    arguments = parser.parse_args(argv)
    if arguments.interval < _INTERVAL_MIN_S:
        parser.error(f"--interval must be at least {_INTERVAL_MIN_S} s")
    try:
        asyncio.run(_run(arguments))
    except OSError as error:
        parser.exit(1, f"{parser.prog}: no meter at {arguments.link}: {error.strerror or error}\n")


if __name__ == "__main__":
    main()
