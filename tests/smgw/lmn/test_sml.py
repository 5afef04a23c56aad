"""Telegrams end to end over a pseudo-terminal: reading, silence, locked meters, and ports that come and go."""

import asyncio
import errno
import os
import tty
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from common.identifiers import RoundNumber
from smgw.core.reading import ReadingStatus
from smgw.lmn.meter import Meter
from smgw.lmn.serial_port import SerialPort
from smgw.lmn.sml import SmlSource
from smgw.lmn.telegram import EXPORT_TOTAL, IMPORT_TOTAL, POWER, UNIT_W, UNIT_WH, Entry, encode_telegram
from tests.smgw.lmn.conditions import HandClock, until

pytestmark = pytest.mark.integration

T0 = 1_800_000_000_000
ID = b"\x0a\x01DCN\x00\x00\x12\x34\x56"


def telegram(import_dwh: int, *, export_dwh: int | None = None) -> bytes:
    entries = [Entry(IMPORT_TOTAL, import_dwh, UNIT_WH, -1), Entry(POWER, 230, UNIT_W)]
    if export_dwh is not None:
        entries.append(Entry(EXPORT_TOTAL, export_dwh, UNIT_WH, -1))
    return encode_telegram(entries, ID, 1)


class InfraredHead:
    """A pseudo-terminal behind a link, which can be pulled out and plugged in again."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.plug_in()

    def plug_in(self) -> None:
        self._controller, self._terminal = os.openpty()
        tty.setraw(self._terminal)
        self.link.symlink_to(os.ttyname(self._terminal))

    def pull_out(self) -> None:
        self.link.unlink()
        os.close(self._controller)
        os.close(self._terminal)

    def say(self, data: bytes) -> None:
        os.write(self._controller, data)


@pytest.fixture
def head(tmp_path: Path) -> Iterator[InfraredHead]:
    head = InfraredHead(tmp_path / "head")
    yield head
    with suppress(FileNotFoundError):
        head.pull_out()


class Bench:
    """A meter on the head, with a clock set by hand."""

    def __init__(self, port: Path) -> None:
        self.hand = HandClock(T0)
        self.source = SmlSource(port, clock=self.hand.clock())
        self.meter = Meter(self.source, clock=self.hand.clock())

    async def listening(self) -> None:
        await until(lambda: self.source._state.value == "open")

    async def hears(self, head: InfraredHead, data: bytes, import_dwh: int) -> None:
        head.say(data)
        await until(lambda: (latest := self.meter.latest()) is not None and latest.import_dwh == import_dwh)


async def test_telegrams_become_a_reading(head: InfraredHead) -> None:
    bench = Bench(head.link)
    async with bench.meter:
        await bench.listening()
        await bench.hears(head, telegram(5_000, export_dwh=70), 5_000)
        bench.hand.pass_time(2_500)
        # This meter leaves export out of every other telegram; the last value stands.
        await bench.hears(head, telegram(5_012), 5_012)
        bench.hand.pass_time(500)
        reading = await bench.meter.take(RoundNumber(4), T0, T0 + 3_000)
        assert (reading.status, reading.import_dwh, reading.export_dwh) == (ReadingStatus.VALID, 12, 0)
        latest = bench.meter.latest()
        assert latest is not None
        assert (latest.power_w, latest.export_dwh) == (230, 70)
        assert bench.meter.problem() is None


async def test_garbage_and_broken_telegrams_are_skipped_and_counted(head: InfraredHead) -> None:
    bench = Bench(head.link)
    broken = bytearray(telegram(1))
    broken[50] ^= 1
    async with bench.meter:
        await bench.listening()
        await bench.hears(head, b"\x00garbage\x1b\x1b" + bytes(broken) + telegram(7), 7)
        assert bench.source.refused == 1


async def test_silent_meter_is_a_missing_boundary_and_a_sentence(head: InfraredHead) -> None:
    bench = Bench(head.link)
    async with bench.meter:
        await bench.listening()
        bench.hand.pass_time(12_300)
        reading = await bench.meter.take(RoundNumber(1), T0, T0 + 12_000)
        assert reading.status is ReadingStatus.BOUNDARY_MISSING
        assert bench.meter.problem() == f"the meter on {head.link} has said nothing for 12 s; check the infrared head"


async def test_meter_that_says_garbage_only_is_told_apart_from_silence(head: InfraredHead) -> None:
    bench = Bench(head.link)
    broken = bytearray(telegram(1))
    broken[50] ^= 1
    async with bench.meter:
        await bench.listening()
        head.say(bytes(broken))
        await until(lambda: bench.source.refused == 1)
        bench.hand.pass_time(8_000)
        assert "nothing readable (1 broken telegrams so far)" in (bench.meter.problem() or "")


async def test_generation_meter_is_told_apart_from_silence(head: InfraredHead) -> None:
    bench = Bench(head.link)
    async with bench.meter:
        await bench.listening()
        head.say(encode_telegram([Entry(EXPORT_TOTAL, 1_234, UNIT_WH, -1)], ID, 1))
        await until(lambda: bench.source._decoder.without_import == 1)
        bench.hand.pass_time(8_000)
        assert "sends no import register (1-0:1.8.0)" in (bench.meter.problem() or "")


async def test_locked_meter_is_refused_with_the_remedy(head: InfraredHead) -> None:
    bench = Bench(head.link)
    async with bench.meter:
        await bench.listening()
        head.say(encode_telegram([Entry(IMPORT_TOTAL, 1_234_000, UNIT_WH, 0)], ID, 1))
        await until(lambda: bench.meter.problem() is not None)
        assert bench.meter.problem() == (
            f"the meter on {head.link} sends whole kWh only and no power; unlock it: PIN, and InF on"
        )
        assert bench.meter.latest() is None
        await bench.hears(head, telegram(12_340_001), 12_340_001)
        assert bench.meter.problem() is None


async def test_port_that_vanished_is_read_again_when_it_is_back(head: InfraredHead) -> None:
    bench = Bench(head.link)
    async with bench.meter:
        await bench.listening()
        await bench.hears(head, telegram(100) + telegram(100)[:40], 100)
        head.pull_out()
        await until(lambda: "cannot open" in (bench.meter.problem() or ""))
        head.plug_in()
        await bench.listening()
        await bench.hears(head, telegram(104), 104)
        assert bench.source.refused == 0


async def test_port_that_is_not_there_yet_is_awaited(tmp_path: Path) -> None:
    link = tmp_path / "head"
    bench = Bench(link)
    async with bench.meter:
        await until(lambda: "cannot open" in (bench.meter.problem() or ""))
        assert f"cannot open {link} (No such file or directory); plug in" in (bench.meter.problem() or "")
        head = InfraredHead(link)
        await bench.listening()
        await bench.hears(head, telegram(9), 9)
        head.pull_out()


async def test_port_in_use_and_plain_file_are_explained(head: InfraredHead, tmp_path: Path) -> None:
    port = SerialPort(head.link)
    port.open()
    busy, plain = Bench(head.link), Bench(tmp_path / "plain")
    plain.source._path.touch()
    async with busy.meter, plain.meter:
        await until(lambda: "in use by another program" in (busy.meter.problem() or ""))
        await until(lambda: "is not a serial port" in (plain.meter.problem() or ""))
        port.close()
        await busy.listening()


async def test_what_waited_before_opening_does_not_pass_for_now(head: InfraredHead) -> None:
    head.say(telegram(1))
    bench = Bench(head.link)
    async with bench.meter:
        await bench.listening()
        await bench.hears(head, telegram(50), 50)
        assert [sample.import_dwh for sample in bench.source._samples] == [50]


async def test_port_is_closed_when_the_meter_is_left(head: InfraredHead) -> None:
    async with Bench(head.link).meter as meter:
        await until(lambda: meter.problem() is None)
    port = SerialPort(head.link)
    assert os.isatty(port.open())
    port.close()
    port.close()


def test_closing_a_port_that_is_still_opening_wins(head: InfraredHead) -> None:
    port = SerialPort(head.link)
    port.close()
    descriptor = port.open()
    with pytest.raises(OSError) as caught:
        os.fstat(descriptor)
    assert caught.value.errno == errno.EBADF


async def test_reading_is_answered_at_once_while_the_port_is_missing(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "none")
    async with bench.meter, asyncio.timeout(0.5):
        for number in range(100):
            reading = await bench.meter.take(RoundNumber(number), T0, T0 + 3_000)
            assert reading.status is ReadingStatus.BOUNDARY_MISSING
