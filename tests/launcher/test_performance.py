"""The frame of a performance: how it ends, and that a signal or a failure ends what is played."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from launcher.errors import FailedError
from launcher.performance import FAILED, INTERRUPTED, PLAYED, perform
from launcher.profile import Overrides, load_profile
from launcher.scratch import scratch_directory
from launcher.stage import Stage


class Play:
    """Something to play; `is_ended` says that its end was waited for."""

    def __init__(self, act: Callable[[], Awaitable[None]]) -> None:
        self._act = act
        self.is_ended = False

    async def __call__(self) -> None:
        try:
            await self._act()
        finally:
            self.is_ended = True


def performed(directory: Path, play: Play) -> int:
    with scratch_directory(directory / "kept") as scratch:
        return asyncio.run(perform(Stage(load_profile("demo", Overrides()), scratch), play))


async def fail() -> None:
    raise FailedError("The curtain burns. Fetch water.")


async def fail_beside() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
        await asyncio.Event().wait()


def test_what_ends_by_itself_is_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play = Play(lambda: asyncio.sleep(0))
    assert (performed(tmp_path, play), play.is_ended) == (PLAYED, True)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("act", [fail, fail_beside])
def test_what_fails_is_told_in_a_sentence(
    act: Callable[[], Awaitable[None]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play = Play(act)
    assert (performed(tmp_path, play), play.is_ended) == (FAILED, True)
    assert capsys.readouterr().err == "dcnet demo: The curtain burns. Fetch water.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_what_is_played(
    number: signal.Signals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def wait_after_signal() -> None:
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    play = Play(wait_after_signal)
    assert (performed(tmp_path, play), play.is_ended) == (INTERRUPTED, True)
    assert capsys.readouterr().err == ""
