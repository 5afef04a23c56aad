"""Who may publish and read what at the broker: Mosquitto's access file (mosquitto.conf(5), `acl_file`).

Denied by default: what no line allows is not delivered. Mosquitto knows a client by the common name of its
certificate, so every name without lines of its own falls under the rules of a gateway, which only reach topics that
end with that name. It acknowledges what it denies, and grants subscriptions of which it delivers nothing.
Source: docs/protocol.md, "Topics".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from broker.toml import SettingsError
from common.identifiers import NO_NETWORK, NetworkId, is_name
from common.topics import ROOT

INSPECTOR_NAME: Final = "inspector"
"""The usual name of an inspector; it may do nothing at all when it is not among `Access.inspectors`.

Names of all inspectors begin with it, and the administrator gives no gateway such a name: who was allowed to watch
under a name so never shares it with a gateway.
"""

_EVERYTHING: Final = ("#", "$SYS/#")


@dataclass(frozen=True, slots=True)
class Access:
    """For whom the rules are made.

    Attributes:
        provider: The provider's name.
        networks: Its networks. A gateway can publish in these only, since each further topic could be left with a
            retained message that fills the broker's memory.
        inspectors: Names of those who may read everything but the broker's own statistics, and publish nothing.
            Two programs at a time need two names: of two clients with one name, Mosquitto keeps the later.
        silenced: Names of those who may do nothing any more, since they flooded the broker.

    Raises:
        SettingsError: A name is none, or is given twice, or is an inspector's and does not begin with `inspector`.
    """

    provider: str
    networks: tuple[NetworkId, ...]
    inspectors: tuple[str, ...] = ()
    silenced: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        assert all(map(is_name, self.silenced))
        names = (self.provider, *self.inspectors)
        for name in names:
            if not is_name(name) or names.count(name) > 1:
                raise SettingsError(
                    f"{name!r} cannot be the name of the provider or of an inspector at the broker: each needs one of "
                    "its own, of 1 to 32 characters of a-z, 0-9 and -."
                )
        for name in self.inspectors:
            if not name.startswith(INSPECTOR_NAME):
                raise SettingsError(f"{name!r} cannot be an inspector's name, which begins with {INSPECTOR_NAME!r}.")


def render_access(access: Access, broker: str) -> str:
    """The access file. `broker` is the name of the broker's own certificate, which may connect, and nothing else.

    Mosquitto looks at a client's own lines first, denials before permissions, and then at the patterns, which hold
    for everybody. So whoever is no gateway is denied the topics that the patterns would give to its name.
    """
    return "\n".join(
        [
            "# Made by broker/access.py; changes made here are lost. What no line allows is not delivered.",
            *_gateways(access.networks),
            *_section(access.provider, _provider(access)),
            *(line for name in access.inspectors for line in _section(name, _inspector(name))),
            *(line for name in _shut_out(access, broker) for line in _section(name, _nothing())),
            "",
        ]
    )


def _gateways(networks: tuple[NetworkId, ...]) -> Iterator[str]:
    """Patterns; %u is the client's name. Mosquitto warns that the last kind has no %u: it is meant for everybody."""
    yield f"pattern write {ROOT}/register/%u"
    yield f"pattern read {ROOT}/{NO_NETWORK}/down/%u"
    for network in networks:
        yield f"pattern write {ROOT}/{network}/up/%u"
        yield f"pattern write {ROOT}/{network}/tunnel/%u"
        yield f"pattern read {ROOT}/{network}/down/%u"
        yield f"pattern read {ROOT}/{network}/all/+"


def _section(name: str, lines: Iterator[str]) -> Iterator[str]:
    yield ""
    yield f"user {name}"
    yield from lines


def _provider(access: Access) -> Iterator[str]:
    yield from _not_a_gateway(access.provider)
    yield from (f"topic read {ROOT}/{topic}" for topic in ("register/+", "+/up/+", "+/tunnel/+"))
    yield "topic read $SYS/#"
    yield from (f"topic write {ROOT}/{topic}" for topic in ("+/down/+", "+/all/+", "+/result", "+/decoded/#"))
    yield f"topic write {ROOT}/presence/{access.provider}"


def _inspector(name: str) -> Iterator[str]:
    yield from _not_a_gateway(name)
    yield "topic read dcnet/#"


def _nothing() -> Iterator[str]:
    yield from (f"topic deny {topic}" for topic in _EVERYTHING)


def _not_a_gateway(name: str) -> Iterator[str]:
    yield from (f"topic deny {ROOT}/{topic}/{name}" for topic in ("register", "+/up", "+/tunnel", "+/down"))


def _shut_out(access: Access, broker: str) -> list[str]:
    named = {broker, access.provider, *access.inspectors}
    return [broker, *sorted(({INSPECTOR_NAME} | access.silenced) - named)]
