"""Telegrams made by the encoder and read by the decoder, whole, in pieces, broken and hostile."""

import json
import logging
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgw.lmn.decoder import MeterValues, TelegramDecoder
from smgw.lmn.source import RegisterSample
from smgw.lmn.telegram import (
    DEVICE_ID,
    EXPORT_TOTAL,
    IMPORT_TARIFF_1,
    IMPORT_TARIFF_2,
    IMPORT_TOTAL,
    POWER,
    UNIT_W,
    UNIT_WH,
    Entry,
    crc16_x25,
    encode_telegram,
    entries_of,
    frame,
)

ID = b"\x0a\x01DCN\x00\x00\x12\x34\x56"
VECTORS = json.loads((Path(__file__).parent / "telegrams.json").read_text())


def telegram(*entries: Entry) -> bytes:
    return encode_telegram(entries, ID, 77)


GOOD = telegram(Entry(IMPORT_TOTAL, 123_456_789, UNIT_WH, -1), Entry(POWER, -250, UNIT_W))
VALUES = MeterValues(123_456_789, None, -250)


def decode(data: bytes) -> list[MeterValues]:
    return TelegramDecoder().feed(data)


def test_checksum_is_that_of_the_catalog() -> None:
    assert crc16_x25(b"123456789") == bytes.fromhex("6e90")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_recorded_telegram_reads_as_before(vector: dict[str, str | list[list[int | None]] | int]) -> None:
    decoder = TelegramDecoder()
    values = decoder.feed(bytes.fromhex(str(vector["telegram"])))
    assert [[value.import_dwh, value.export_dwh, value.power_w] for value in values] == vector["values"]
    assert decoder.refused == vector["refused"]


@given(
    import_dwh=st.integers(0, 10**15 - 1),
    export_dwh=st.none() | st.integers(0, 10**15 - 1),
    power_w=st.none() | st.integers(-100_000, 100_000),
)
def test_decoding_inverts_encoding(import_dwh: int, export_dwh: int | None, power_w: int | None) -> None:
    entries = entries_of(RegisterSample(0, import_dwh, export_dwh, power_w))
    assert decode(telegram(*entries)) == [MeterValues(import_dwh, export_dwh, power_w)]


@given(register=st.integers(0, 10**14), scaler=st.integers(-5, 3))
def test_register_is_floored_exactly_for_every_scaler(register: int, scaler: int) -> None:
    values = decode(telegram(Entry(IMPORT_TOTAL, register, UNIT_WH, scaler)))
    exponent = scaler + 1
    expected = register * 10**exponent if exponent >= 0 else register // 10**-exponent
    assert [value.import_dwh for value in values] == ([expected] if expected < 10**15 else [])


@given(cuts=st.lists(st.integers(0, 3 * len(GOOD)), max_size=12))
def test_telegrams_are_found_however_the_bytes_arrive(cuts: list[int]) -> None:
    data = GOOD * 3
    edges = [0, *sorted(cuts), len(data)]
    decoder = TelegramDecoder()
    pieces = [data[begin:end] for begin, end in pairwise(edges)]
    assert [value for piece in pieces for value in decoder.feed(piece)] == [VALUES] * 3
    assert decoder.refused == 0


def test_register_with_the_escape_sequence_inside_is_read() -> None:
    value = 0x1B1B1B1B
    assert decode(telegram(Entry(IMPORT_TOTAL, value, UNIT_WH, -1))) == [MeterValues(value, None, None)]


def test_long_lists_are_read() -> None:
    others = [Entry(bytes((1, 0, 99, number, 0, 255)), number) for number in range(40)]
    assert decode(telegram(*others, *[Entry(IMPORT_TOTAL, 5, UNIT_WH, -1)]))[0].import_dwh == 5


def test_tariff_registers_add_up_when_the_total_is_missing() -> None:
    tariffs = (Entry(IMPORT_TARIFF_1, 1_005, UNIT_WH, -2), Entry(IMPORT_TARIFF_2, 2_006, UNIT_WH, -2))
    assert decode(telegram(*tariffs))[0].import_dwh == 301
    assert decode(telegram(tariffs[0]))[0].import_dwh == 100
    assert decode(telegram(*tariffs, Entry(IMPORT_TOTAL, 9, UNIT_WH, -1)))[0].import_dwh == 9


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (Entry(EXPORT_TOTAL, 9, UNIT_WH, -1),),
        (Entry(IMPORT_TOTAL, 9, UNIT_W, 0),),
        (Entry(IMPORT_TOTAL, 9),),
        (Entry(IMPORT_TOTAL, b"9", UNIT_WH, 0),),
        (Entry(IMPORT_TOTAL, -9, UNIT_WH, 0),),
        (Entry(IMPORT_TOTAL, 1 << 62, UNIT_WH, 3),),
    ],
    ids=["empty", "export only", "watts", "no unit", "text", "negative", "beyond any meter"],
)
def test_list_without_a_usable_import_register_gives_nothing(entries: tuple[Entry, ...]) -> None:
    decoder = TelegramDecoder()
    assert decoder.feed(telegram(*entries)) == []
    # The library takes an empty list for a broken telegram.
    assert (decoder.without_import, decoder.refused) == ((1, 0) if entries else (0, 1))
    assert decoder.feed(GOOD) == [VALUES]


def test_broken_telegram_is_counted_and_the_next_is_read() -> None:
    broken = bytearray(GOOD)
    broken[60] ^= 0x40
    decoder = TelegramDecoder()
    assert decoder.feed(bytes(broken) + GOOD) == [VALUES]
    assert decoder.refused == 1


def test_telegram_cut_short_does_not_cost_the_next() -> None:
    decoder = TelegramDecoder()
    assert decoder.feed(GOOD[:50] + GOOD + GOOD[20:] + GOOD) == [VALUES, VALUES]


@given(messages=st.binary(min_size=1, max_size=80))
def test_right_checksum_around_nonsense_is_refused(messages: bytes) -> None:
    decoder = TelegramDecoder()
    decoder.feed(frame(messages))
    assert decoder.refused <= 2
    decoder.restart()
    assert decoder.feed(GOOD) == [VALUES]


@given(data=st.data())
@settings(max_examples=150)
def test_changed_contents_with_mended_checksums_raise_nothing(data: st.DataObject) -> None:
    body = bytearray(GOOD[8:-8])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    decoder = TelegramDecoder()
    decoder.feed(frame(bytes(body)))
    decoder.restart()
    assert decoder.feed(GOOD) == [VALUES]


def test_endless_garbage_is_bounded_and_does_not_deafen() -> None:
    decoder = TelegramDecoder()
    for _ in range(40):
        assert decoder.feed(GOOD[:-8].replace(b"\x1b\x1b\x1b\x1b", b"\x55" * 4) * 10) == []
    assert len(decoder._buffer) <= 16 * 1024
    assert decoder.feed(GOOD) == [VALUES]


def test_deeply_nested_lists_are_refused() -> None:
    decoder = TelegramDecoder()
    assert decoder.feed(frame(b"\x76" + b"\x71" * 5_000)) == []
    assert decoder.refused == 1


def test_locked_meter_is_known_by_whole_kwh_and_no_power() -> None:
    assert MeterValues(123_450_000, None, None).is_locked
    assert not MeterValues(123_450_000, None, 0).is_locked
    assert not MeterValues(123_450_001, None, None).is_locked


def test_device_id_reaches_no_log_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert decode(telegram(Entry(DEVICE_ID, ID), Entry(IMPORT_TOTAL, 5, UNIT_WH, -1)))
    assert caplog.text == ""
