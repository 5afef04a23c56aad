from dataclasses import replace

import pytest

from broker.access import Access, render_access
from broker.toml import SettingsError
from common.identifiers import NetworkId

NETWORKS = (NetworkId(7), NetworkId(9))


def sections(access: Access) -> dict[str, set[str]]:
    """The lines of the file by user; those for everybody under an empty name."""
    found: dict[str, set[str]] = {"": set()}
    user = ""
    for line in render_access(access, "broker").splitlines():
        if line.startswith("user "):
            user = line.removeprefix("user ")
            found[user] = set()
        elif line and not line.startswith("#"):
            found[user].add(line)
    return found


def test_patterns_name_the_client_or_a_broadcast_of_our_networks() -> None:
    assert sections(Access("provider", NETWORKS))[""] == {
        "pattern write dcnet/1/register/%u",
        "pattern read dcnet/1/0/down/%u",
        "pattern write dcnet/1/7/up/%u",
        "pattern write dcnet/1/7/tunnel/%u",
        "pattern read dcnet/1/7/down/%u",
        "pattern read dcnet/1/7/all/+",
        "pattern write dcnet/1/9/up/%u",
        "pattern write dcnet/1/9/tunnel/%u",
        "pattern read dcnet/1/9/down/%u",
        "pattern read dcnet/1/9/all/+",
    }


def test_provider_reads_what_gateways_say_and_writes_what_they_read() -> None:
    assert sections(Access("north", NETWORKS))["north"] == {
        "topic deny dcnet/1/register/north",
        "topic deny dcnet/1/+/up/north",
        "topic deny dcnet/1/+/tunnel/north",
        "topic deny dcnet/1/+/down/north",
        "topic read dcnet/1/register/+",
        "topic read dcnet/1/+/up/+",
        "topic read dcnet/1/+/tunnel/+",
        "topic read $SYS/#",
        "topic write dcnet/1/+/down/+",
        "topic write dcnet/1/+/all/+",
        "topic write dcnet/1/+/result",
        "topic write dcnet/1/+/decoded/#",
        "topic write dcnet/1/presence/north",
    }


def test_inspectors_only_read() -> None:
    found = sections(Access("provider", NETWORKS, ("inspector", "inspector-board")))
    for name in ("inspector", "inspector-board"):
        assert {line for line in found[name] if not line.startswith("topic deny ")} == {"topic read dcnet/#"}
        assert f"topic deny dcnet/1/+/up/{name}" in found[name]


def test_nobody_is_an_inspector_by_default_and_the_broker_has_no_rights() -> None:
    found = sections(Access("provider", NETWORKS))
    assert set(found) == {"", "provider", "broker", "inspector"}
    assert found["inspector"] == found["broker"] == {"topic deny #", "topic deny $SYS/#"}


def test_who_is_silenced_may_do_nothing_and_nobody_else_loses_a_right() -> None:
    access = Access("provider", NETWORKS, ("inspector",))
    before, after = (
        sections(access),
        sections(replace(access, silenced=frozenset({"mallory", "inspector", "provider"}))),
    )
    assert after.pop("mallory") == {"topic deny #", "topic deny $SYS/#"}
    assert after == before


def test_no_line_lets_anybody_write_everything() -> None:
    text = render_access(Access("provider", NETWORKS, ("inspector",)), "broker")
    writing = [line for line in text.splitlines() if " write " in line or " readwrite " in line]
    assert writing
    assert all("/" in line.removesuffix("/#") and " #" not in line for line in writing)
    assert not [line for line in text.splitlines() if line.startswith(("topic dcnet", "pattern dcnet"))]


@pytest.mark.parametrize(
    ("provider", "inspectors"),
    [
        ("provider\nuser x", ()),
        ("+", ()),
        ("", ()),
        ("provider", ("provider",)),
        ("provider", ("a", "a")),
        ("provider", ("#",)),
    ],
)
def test_name_that_is_none_or_has_two_roles_is_refused(provider: str, inspectors: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="each needs one of its own"):
        Access(provider, NETWORKS, inspectors)


def test_an_inspector_whose_name_a_gateway_might_have_is_refused() -> None:
    with pytest.raises(SettingsError, match="'auditor' cannot be an inspector's name, which begins with 'inspector'"):
        Access("provider", NETWORKS, ("inspector", "auditor"))
