import json
import stat
from pathlib import Path

import pytest

from broker.pem import REVOCATIONS, Bundle, one_of
from common.certificates import Authority, RevocationList
from tests.launcher.commands import dcnet, pilot, request

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    pilot(tmp_path)
    return tmp_path


def published(root: Path) -> RevocationList:
    authority = Authority(one_of("CERTIFICATE", (root / "gwa" / "authority.pem").read_bytes()))
    return authority.revocations(one_of(REVOCATIONS, (root / "gwa" / "revocations.pem").read_bytes()))


def test_an_authority_says_its_fingerprint_last(tmp_path: Path) -> None:
    made = dcnet("gwa", "init", tmp_path / "gwa", "--no-encrypt")
    assert made.status == 0
    assert len(bytes.fromhex(made.out.splitlines()[-1])) == 32
    assert "The key is not encrypted" in made.out
    assert stat.S_IMODE((tmp_path / "gwa" / "authority.key").stat().st_mode) == 0o600


def test_a_key_is_encrypted_unless_one_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = dcnet("gwa", "init", tmp_path / "gwa")
    assert (nobody.status, nobody.err[:24]) == (2, "There is no passphrase. ")
    monkeypatch.setenv("DCNET_GWA_PASSPHRASE", PASSPHRASE)
    made = dcnet("gwa", "init", tmp_path / "gwa")
    assert made.status == 0
    assert b"ENCRYPTED" in (tmp_path / "gwa" / "authority.key").read_bytes()
    assert dcnet("gwa", "renew", tmp_path / "gwa").status == 0
    monkeypatch.setenv("DCNET_GWA_PASSPHRASE", "wrong")
    refused = dcnet("gwa", "renew", tmp_path / "gwa")
    assert refused.status == 2
    assert "The authority's key in" in refused.err
    assert "cannot be decrypted: the passphrase in DCNET_GWA_PASSPHRASE is not the one" in refused.err
    assert PASSPHRASE not in made.out + made.err + refused.out + refused.err


def test_a_gateway_gets_its_certificate_for_its_meter(root: Path) -> None:
    issued = dcnet("gwa", "issue", root / "gwa", request(root, "gateway-1"), "--meter", "1 EMH00 1234 5678")
    assert issued.status == 0
    assert "gateway-1: issued until" in issued.out
    assert "meter 1EMH0012345678, key" in issued.out
    assert "1 issued, 0 refused" in issued.out
    assert "valid gateways: north 1" in issued.out
    assert Bundle.decode((root / "gwa" / "issued" / "gateway-1.pem").read_bytes()).provider


def test_a_hundred_gateways_take_one_command(root: Path) -> None:
    names = [f"gateway-{number}" for number in range(100)]
    requests = [request(root, name, "north" if number % 2 else "south") for number, name in enumerate(names)]
    (root / "meters.csv").write_text("name,meter\n" + "".join(f"{name},1EMH{name[8:]:>010}\n" for name in names))
    options = ("--meters", root / "meters.csv", "--out", root / "handover")
    issued = dcnet("gwa", "issue", root / "gwa", *requests, *options)
    assert issued.status == 0
    assert "100 issued, 0 refused" in issued.out
    assert {path.stem for path in (root / "handover").iterdir()} == set(names)
    assert dict(published(root).valid) == {"north": 50, "south": 50}
    again = dcnet("gwa", "issue", root / "gwa", *requests, *options)
    assert again.status == 0
    assert again.out.count("has its certificate already") == 100
    assert dict(published(root).valid) == {"north": 50, "south": 50}


def test_one_refusal_hinders_nobody_else_and_shows_in_the_status(root: Path) -> None:
    good, other = request(root, "gateway-1"), request(root, "gateway-2")
    (root / "damaged.pem").write_bytes(good.read_bytes()[:-60])
    (root / "meters.csv").write_text("gateway-1,1EMH0012345678\n")
    paths = [root / "damaged.pem", root / "missing.pem", other, good]
    issued = dcnet("gwa", "issue", root / "gwa", *paths, "--meters", root / "meters.csv")
    assert issued.status == 1
    assert "1 issued, 3 refused" in issued.out
    for sentence in (
        "damaged.pem: refused: a block of its PEM text has no end. Copy it again",
        "missing.pem: refused: it cannot be read (No such file or directory)",
        "gateway-2/request.pem: refused: which meter does gateway-2 read?",
    ):
        assert sentence in issued.err
    assert dict(published(root).valid) == {"north": 1}


def test_a_second_certificate_for_a_meter_is_refused_with_what_to_do(root: Path) -> None:
    dcnet("gwa", "issue", root / "gwa", request(root, "gateway-1"), "--meter", "1EMH0012345678")
    second = ("gwa", "issue", root / "gwa", request(root, "gateway-2"), "--meter", "1emh0012345678")
    refused = dcnet(*second)
    assert refused.status == 1
    assert "meter 1EMH0012345678 has a valid certificate: gateway-1 until" in refused.err
    assert "Revoke that first (dcnet gwa revoke DIR gateway-1 --reason TEXT)" in refused.err
    revoked = dcnet("gwa", "revoke", root / "gwa", "gateway-1", "--reason", "SD card lost")
    assert revoked.status == 0
    assert "is revoked (SD card lost)" in revoked.out
    assert dcnet(*second).status == 0
    assert len(published(root).serials) == 1


def test_a_request_of_another_role_than_was_meant_is_refused(root: Path) -> None:
    home = root / "watch"
    dcnet("inspector", "enroll", home)
    refused = dcnet("gwa", "issue", root / "gwa", home / "request.pem", "--meter", "1EMH0012345678")
    assert (refused.status, "If it is meant, add --role inspector" in refused.err) == (1, True)
    assert dcnet("gwa", "issue", root / "gwa", home / "request.pem", "--role", "inspector").status == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("init", "{gwa}", "--no-encrypt"), "is there already: it belongs to an authority"),
        (("issue", "{root}/none", "{root}/provider/request.pem"), "There is no authority in"),
        (("issue", "{gwa}", "a.pem", "b.pem", "--meter", "1EMH0012345678"), "One meter has one gateway"),
        (("issue", "{gwa}", "a.pem", "--meter", "1EMH", "--meters", "m.csv"), "Give either --meter or --meters."),
        (("issue", "{gwa}", "a.pem", "--meters", "/nowhere.csv"), "/nowhere.csv cannot be read"),
        (
            ("revoke", "{gwa}", "nobody", "--reason", "x"),
            "nobody is called nobody. Who there is, shows dcnet gwa list.",
        ),
        (("renew", "{gwa}", "--host", "a.example"), "--host is for the broker. Name it"),
        (("list", "{root}/none"), "There is no authority in"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(root: Path, words: tuple[str, ...], sentence: str) -> None:
    refused = dcnet("gwa", *(word.format(gwa=root / "gwa", root=root) for word in words))
    assert refused.status == 2
    assert sentence in refused.err


def test_a_command_at_the_end_of_a_sentence_can_be_copied(root: Path) -> None:
    (root / "gwa").chmod(0o750)
    refused = dcnet("gwa", "renew", root / "gwa")
    assert (refused.status, refused.err.split("Run:  ")[-1]) == (2, f"chmod 700 {root / 'gwa'}")


def test_renewing_signs_a_fresh_list_whatever_else(root: Path) -> None:
    before = published(root).number
    renewed = dcnet("gwa", "renew", root / "gwa", "--list-days", "7")
    assert renewed.status == 0
    assert f"Revocation list no. {before + 1}" in renewed.out
    read = published(root)
    assert (read.next_update_ms - read.this_update_ms) // 86_400_000 == 7


def test_renewing_takes_names_or_whoever_ends_soon(root: Path) -> None:
    path = request(root, "gateway-1")
    dcnet("gwa", "issue", root / "gwa", path, "--meter", "1EMH0012345678", "--days", "30")
    soon = dcnet("gwa", "renew", root / "gwa")
    assert ("gateway-1: renewed until" in soon.out, "provider" in soon.out) == (True, False)
    assert "renewed" not in dcnet("gwa", "renew", root / "gwa").out
    named = dcnet("gwa", "renew", root / "gwa", "provider", "nobody")
    assert (named.status, "nobody: refused: nobody is called nobody" in named.err) == (1, True)
    assert "install them on the gateways in time" in named.out


def test_the_brokers_hosts_are_changed_by_renewing(root: Path) -> None:
    renewed = dcnet("gwa", "renew", root / "gwa", "broker", "--host", "broker.example")
    assert renewed.status == 0
    bundle = root / "gwa" / "issued" / "broker.pem"
    assert b"broker.example" in Bundle.decode(bundle.read_bytes()).certificate
    assert dcnet("provider", "install", "--config", root / "provider.toml", bundle).status == 0


def test_the_list_shows_names_meters_and_states(root: Path) -> None:
    for name, meter in (("gateway-1", "1EMH0000000001"), ("gateway-2", "1EMH0000000002")):
        dcnet("gwa", "issue", root / "gwa", request(root, name), "--meter", meter)
    dcnet("gwa", "renew", root / "gwa", "gateway-1")
    dcnet("gwa", "revoke", root / "gwa", "gateway-2", "--reason", "stolen")
    shown = dcnet("gwa", "list", root / "gwa").out.splitlines()
    assert shown[0].split() == ["name", "role", "region", "meter", "state", "until", "serial"]
    states = [line.split()[:5] for line in shown if line.startswith("gateway")]
    assert states == [
        ["gateway-1", "gateway", "north", "1EMH0000000001", "renewed"],
        ["gateway-2", "gateway", "north", "1EMH0000000002", "revoked:"],
        ["gateway-1", "gateway", "north", "1EMH0000000001", "valid"],
    ]
    assert shown[-1].endswith("Gateways with a valid certificate: north 1")


def test_scripts_read_the_list_as_json(root: Path) -> None:
    dcnet("gwa", "issue", root / "gwa", request(root, "gateway-1"), "--meter", "1EMH0012345678")
    dcnet("gwa", "revoke", root / "gwa", "gateway-1", "--reason", "stolen")
    read = json.loads(dcnet("gwa", "list", root / "gwa", "--json").out)
    assert read["list_number"] == 4
    last = read["certificates"][-1]
    assert (last["name"], last["meter"], last["reason"], last["state"]) == (
        "gateway-1",
        "1EMH0012345678",
        "stolen",
        "revoked: stolen",
    )
