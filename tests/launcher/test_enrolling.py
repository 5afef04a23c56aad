from pathlib import Path

import pytest

from broker.credentials import load_credentials
from common.certificates import Role
from launcher.gwa import now_ms
from tests.launcher.commands import dcnet, gateway_settings, pilot, provider_settings, request


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def fingerprint(root: Path) -> str:
    return pilot(root)


def issued(root: Path, name: str, meter: str = "1EMH0012345678") -> Path:
    done = dcnet("gwa", "issue", root / "gwa", request(root, name), "--meter", meter)
    assert done.status == 0, done.err
    return root / "gwa" / "issued" / f"{name}.pem"


def test_a_gateway_is_enrolled_in_three_commands(root: Path, fingerprint: str) -> None:
    config = gateway_settings(root, "gateway-1")
    enrolled = dcnet("smgw", "enroll", "--config", config)
    assert "gateway gateway-1, region north: the request is written" in enrolled.out
    assert f"request  {root / 'gateway-1' / 'request.pem'}" in enrolled.out
    dcnet("gwa", "issue", root / "gwa", root / "gateway-1" / "request.pem", "--meter", "1EMH0012345678")
    bundle = root / "gwa" / "issued" / "gateway-1.pem"
    installed = dcnet("smgw", "install", "--config", config, bundle, "--authority", fingerprint)
    assert installed.status == 0
    assert "gateways with a valid certificate: north 1" in installed.out
    held = load_credentials(root / "gateway-1", Role.GATEWAY, now_ms())
    assert f"key      {held.identity.public_key.hex()}" in enrolled.out
    assert held.provider is not None


def test_enrolling_a_second_time_changes_nothing_and_says_so(root: Path) -> None:
    path = request(root, "gateway-1")
    before = path.read_bytes(), (path.parent / "identity.key").read_bytes()
    again = dcnet("smgw", "enroll", "--config", gateway_settings(root, "gateway-1"))
    assert "nothing changed, the request was there" in again.out
    assert (path.read_bytes(), (path.parent / "identity.key").read_bytes()) == before


def test_a_provider_enrolls_with_its_broker_and_its_hosts(root: Path) -> None:
    config = provider_settings(root)
    words = ("provider", "enroll", "--config", config, "--host", "broker.example", "--host", "192.0.2.7")
    enrolled = dcnet(*words)
    assert "provider provider: the request is written" in enrolled.out
    hosts = [line.split()[1] for line in enrolled.out.splitlines() if line.startswith("  host ")]
    assert hosts == ["broker.example", "192.0.2.7", "127.0.0.1", "::1", "localhost"]
    for again in (words, words[:4]):
        assert dcnet(*again).out.count("nothing changed") == 2


def test_nobody_calls_a_broker_by_the_address_of_every_interface(root: Path) -> None:
    config = provider_settings(root)
    config.write_text(config.read_text().replace("[broker]", "[broker]\nhost = '0.0.0.0'"))
    assert "0.0.0.0" not in dcnet("provider", "enroll", "--config", config).out


def test_a_broker_of_its_own_enrolls_alone(root: Path, fingerprint: str) -> None:
    (root / "elsewhere").mkdir()
    config = provider_settings(root / "elsewhere")
    config.write_text(config.read_text().replace("[broker]", "[broker]\nembedded = false"))
    assert "provider/broker" not in dcnet("provider", "enroll", "--config", config).out
    enrolled = dcnet("broker", "enroll", "--config", config, "--host", "broker.example")
    assert "host     broker.example" in enrolled.out
    home = root / "elsewhere" / "provider" / "broker"
    dcnet("gwa", "revoke", root / "gwa", "broker", "--reason", "moved")
    dcnet("gwa", "issue", root / "gwa", home / "request.pem", "--role", "broker")
    bundle = root / "gwa" / "issued" / "broker.pem"
    assert dcnet("broker", "install", "--config", config, bundle, "--authority", fingerprint).status == 0
    assert dcnet("broker", "revocations", "--config", config, root / "gwa" / "revocations.pem").status == 0
    assert load_credentials(home, Role.BROKER, now_ms()).certificate.subject.name == "broker"


def test_a_damaged_request_of_the_broker_is_named(root: Path) -> None:
    config = provider_settings(root)
    dcnet("provider", "enroll", "--config", config)
    (root / "provider" / "broker" / "request.pem").write_text("half")
    refused = dcnet("provider", "enroll", "--config", config)
    assert (refused.status, "Move it away, and enroll again" in refused.err) == (2, True)


def test_provider_and_broker_install_their_own_bundles_in_any_order(root: Path, fingerprint: str) -> None:
    bundles = [root / "gwa" / "issued" / f"{name}.pem" for name in ("broker", "provider")]
    assert dcnet("provider", "install", "--config", root / "provider.toml", *bundles).status == 0
    assert load_credentials(root / "provider", Role.PROVIDER, now_ms()).certificate.subject.name == "provider"
    assert load_credentials(root / "provider" / "broker", Role.BROKER, now_ms()).certificate.subject.name == "broker"


def test_an_inspector_is_enrolled_under_a_name_of_its_own(root: Path, fingerprint: str) -> None:
    home = root / "explorer"
    dcnet("inspector", "enroll", home, "--name", "inspector-explorer")
    dcnet("gwa", "issue", root / "gwa", home / "request.pem", "--role", "inspector")
    bundle = root / "gwa" / "issued" / "inspector-explorer.pem"
    assert dcnet("inspector", "install", home, bundle, "--authority", fingerprint).status == 0
    assert load_credentials(home, Role.INSPECTOR, now_ms()).certificate.subject.name == "inspector-explorer"
    assert dcnet("inspector", "revocations", home, root / "gwa" / "revocations.pem").status == 0


def test_the_first_time_the_administrator_has_to_be_named(root: Path, fingerprint: str) -> None:
    bundle = issued(root, "gateway-1")
    refused = dcnet("smgw", "install", "--config", root / "gateway-1.toml", bundle)
    assert refused.status == 2
    assert f"{bundle}: Say which administrator to trust" in refused.err
    assert f"add:  --authority {fingerprint}" in refused.err
    wrong = dcnet("smgw", "install", "--config", root / "gateway-1.toml", bundle, "--authority", "00" * 32)
    assert f"has the fingerprint {fingerprint}, not 0000" in wrong.err


def test_a_renewed_bundle_needs_the_fingerprint_no_more(root: Path, fingerprint: str) -> None:
    bundle = issued(root, "gateway-1")
    install = ("smgw", "install", "--config", root / "gateway-1.toml", bundle)
    assert dcnet(*install, "--authority", fingerprint).status == 0
    dcnet("gwa", "renew", root / "gwa", "gateway-1", "--days", "900")
    assert dcnet(*install).status == 0
    held = load_credentials(root / "gateway-1", Role.GATEWAY, now_ms())
    assert (held.certificate.not_after_ms - now_ms()) // 86_400_000 == 899


def test_a_newer_list_reaches_provider_broker_and_gateway(root: Path, fingerprint: str) -> None:
    bundle = issued(root, "gateway-1")
    dcnet("smgw", "install", "--config", root / "gateway-1.toml", bundle, "--authority", fingerprint)
    dcnet("gwa", "revoke", root / "gwa", "gateway-1", "--reason", "stolen")
    newest = root / "gwa" / "revocations.pem"
    told = dcnet("provider", "revocations", "--config", root / "provider.toml", newest)
    assert told.out.count("with 1 revoked") == 2
    assert dcnet("smgw", "revocations", "--config", root / "gateway-1.toml", newest).status == 0
    refused = dcnet("smgw", "install", "--config", root / "gateway-1.toml", root / "gwa" / "issued" / "provider.pem")
    assert "is for dcnet:provider/provider, and here is dcnet:gateway/north/gateway-1" in refused.err


def test_an_older_list_is_refused(root: Path, fingerprint: str) -> None:
    older = (root / "gwa" / "revocations.pem").read_bytes()
    dcnet("gwa", "renew", root / "gwa")
    newest = root / "gwa" / "revocations.pem"
    assert dcnet("provider", "revocations", "--config", root / "provider.toml", newest).status == 0
    (root / "older.pem").write_bytes(older)
    refused = dcnet("provider", "revocations", "--config", root / "provider.toml", root / "older.pem")
    assert (refused.status, "That list is no. 2, and" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("smgw", "enroll", "--config", "/nowhere.toml"), "/nowhere.toml: cannot be read"),
        (("smgw", "install", "--config", "{root}/g.toml", "/nowhere.pem"), "/nowhere.pem cannot be read"),
        (("smgw", "install", "--config", "{root}/g.toml", "{root}/g.toml"), "is no bundle, or is damaged"),
        (("smgw", "revocations", "--config", "{root}/g.toml", "{root}/g.toml"), "certificate.pem is missing"),
        (("provider", "enroll", "--config", "/nowhere.toml"), "/nowhere.toml: cannot be read"),
        (("broker", "run", "--config", "{root}/provider.toml"), "starts its broker itself. Set embedded = false"),
        (
            ("broker", "run", "--config", "{root}/apart.toml"),
            "broker/identity.key is missing. Run:  dcnet broker enroll",
        ),
        (("inspector", "enroll", "{root}/i", "--name", "Not A Name"), "names are 1 to 32 of a-z, 0-9 and -"),
        (("inspector", "install", "{root}/i", "x.pem"), "request.pem is missing. Run:  dcnet inspector enroll"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(root: Path, words: tuple[str, ...], sentence: str) -> None:
    gateway_settings(root, "g")
    apart = provider_settings(root).read_text().replace("[broker]", "[broker]\nembedded = false")
    (root / "apart.toml").write_text(apart)
    refused = dcnet(*(word.format(root=root) for word in words))
    assert refused.status == 2
    assert sentence in refused.err
