from pathlib import Path

import pytest
from pydantic import ValidationError

from broker.configuration import Place, render
from broker.probe import connect_packet
from broker.settings import KEEPALIVE_S_MAX, PAYLOAD_BYTES_MAX, BrokerSettings, BusSettings

HOME = Path("/var/lib/dcnet/home one")
PLACE = Place("127.0.0.1", 18_830, HOME / "mosquitto", HOME / "broker" / "identity.key")


def lines(settings: BrokerSettings) -> list[str]:
    return [line for line in render(settings, PLACE).splitlines() if line and not line.startswith("#")]


def test_the_measured_limits_are_rendered() -> None:
    assert {
        "max_inflight_messages 1000",
        "max_queued_messages 100000",
        "max_queued_bytes 134217728",
        "memory_limit 1073741824",
        "persistence true",
        "autosave_interval 15",
        "max_qos 1",
    } <= set(lines(BrokerSettings()))


def test_the_largest_frame_fits_into_the_largest_packet() -> None:
    (limit,) = (int(line.split()[1]) for line in lines(BrokerSettings()) if line.startswith("max_packet_size"))
    assert PAYLOAD_BYTES_MAX == 65_623
    assert PAYLOAD_BYTES_MAX + 200 < limit < 70_000


def test_every_keepalive_that_a_client_may_choose_is_granted() -> None:
    assert f"max_keepalive {KEEPALIVE_S_MAX}" in lines(BrokerSettings())
    with pytest.raises(ValidationError):
        BusSettings(keepalive_s=KEEPALIVE_S_MAX + 1)


def test_there_is_one_listener_and_it_wants_tls_1_3_and_a_certificate() -> None:
    rendered = lines(BrokerSettings())
    assert [line for line in rendered if line.startswith("listener")] == ["listener 18830 127.0.0.1"]
    assert {
        "tls_version tlsv1.3",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        f"acl_file {HOME}/mosquitto/access",
        f"cafile {HOME}/mosquitto/authority.pem",
        f"certfile {HOME}/mosquitto/certificate.pem",
        f"crlfile {HOME}/mosquitto/revocations.pem",
        f"keyfile {HOME}/broker/identity.key",
    } <= set(rendered)


def test_listener_options_follow_their_listener() -> None:
    rendered = lines(BrokerSettings())
    at = next(number for number, line in enumerate(rendered) if line.startswith("listener"))
    assert {line.split()[0] for line in rendered[at + 1 :]} == {
        "max_connections",
        "max_qos",
        "tls_version",
        "cafile",
        "certfile",
        "keyfile",
        "crlfile",
        "require_certificate",
        "use_identity_as_username",
        "use_username_as_clientid",
    }


def test_every_option_is_preceded_by_its_reason() -> None:
    blocks = render(BrokerSettings(), PLACE).split("\n\n")
    assert len(blocks) > 10
    assert [block for block in blocks if not block.startswith("#")] == []


def test_a_directory_with_a_blank_is_rendered_as_it_is() -> None:
    assert f"persistence_location {HOME}/mosquitto/" in lines(BrokerSettings())


def test_the_account_that_was_asked_for_is_rendered() -> None:
    assert "user mosquitto" in lines(BrokerSettings(account="mosquitto"))


@pytest.mark.parametrize("host", ["127.0.0.1\nallow_anonymous true", "a b", "", "#"])
def test_host_cannot_smuggle_in_another_line(host: str) -> None:
    with pytest.raises(ValidationError):
        BrokerSettings(host=host)


@pytest.mark.parametrize("seconds", [0, 9, 31, 1_800])
def test_autosave_outside_its_bounds_is_refused(seconds: int) -> None:
    with pytest.raises(ValidationError):
        BrokerSettings(autosave_s=seconds)


def test_zero_queued_messages_is_refused_because_it_means_none_or_all() -> None:
    with pytest.raises(ValidationError):
        BrokerSettings(max_queued_messages=0)


def test_connect_packet_is_the_one_of_the_specification() -> None:
    assert connect_packet("ab") == bytes.fromhex("10 0e 0004 4d515454 04 02 000a 0002 6162")
