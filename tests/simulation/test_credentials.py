"""What the simulated administrator issues is what a verifier takes, and the same in every process."""

import subprocess
import sys

import pytest

from common.certificates import Role, Subject, require_good
from common.refusal import Refusal, RefusedError
from launcher.simulation import credentials
from launcher.simulation.credentials import TERM, Administrator

NOW_MS = TERM.begin_ms + 1_000_000


def test_a_gateways_certificate_names_it_and_holds_its_key() -> None:
    made = credentials.gateway("north", 4)
    certificate = credentials.authority().certificate(made.certificate)
    assert certificate.subject == Subject(Role.GATEWAY, "g05", "north")
    assert (certificate.public_key, certificate.serial) == (made.identity.public_key, made.serial)


def test_a_renewed_certificate_keeps_key_and_draw_values() -> None:
    first, second = credentials.gateway("north", 4), credentials.gateway("north", 4, generation=1)
    assert first.serial != second.serial
    assert (first.identity, first.values.root) == (second.identity, second.values.root)


def test_the_list_counts_who_holds_a_certificate_and_names_who_does_not_any_more() -> None:
    administrator, revoked = Administrator({"north": 2}, NOW_MS), credentials.gateway("north", 0)
    administrator.admit("north", NOW_MS)
    for _ in range(2):
        administrator.revoke("north", [revoked.serial], NOW_MS)
    listed = credentials.authority().revocations(administrator.newest)
    assert (listed.valid_in("north"), listed.number) == (2, 3)
    require_good(credentials.authority().certificate(credentials.gateway("north", 1).certificate), listed, NOW_MS)
    with pytest.raises(RefusedError) as caught:
        require_good(credentials.authority().certificate(revoked.certificate), listed, NOW_MS)
    assert caught.value.reason is Refusal.CERTIFICATE_REVOKED


def test_every_process_makes_the_same() -> None:
    script = "from launcher.simulation.credentials import gateway; print(gateway('south', 7).certificate.hex())"
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.strip()
    assert said == credentials.gateway("south", 7).certificate.hex()


def test_only_a_lying_provider_takes_the_certificates_of_its_accomplices() -> None:
    forged = credentials.accomplice("north", 0).certificate
    assert credentials.lenient_authority().certificate(forged).subject.name == "x01"
    assert credentials.lenient_authority().certificate(credentials.gateway("north", 0).certificate)
    with pytest.raises(RefusedError) as caught:
        credentials.authority().certificate(forged)
    assert caught.value.reason is Refusal.BAD_CERTIFICATE
