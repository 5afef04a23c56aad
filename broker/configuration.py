"""Mosquitto's configuration: the template `config/mosquitto.conf`, filled in."""

import os
import pwd
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from broker.settings import KEEPALIVE_S_MAX, BrokerSettings

CONFIGURATION_FILE: Final = "mosquitto.conf"

PACKET_OVERHEAD_BYTES: Final = 1_024
"""Room for a packet's header and its topic, which has some 100 bytes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where Mosquitto listens and works. `directory` and `key`, the broker's private key, are absolute paths."""

    host: str
    port: int
    directory: Path
    key: Path


def render(settings: BrokerSettings, place: Place) -> str:
    """Fill in the template."""
    assert all(path.is_absolute() and str(path).isprintable() for path in (place.directory, place.key))
    template = Template(files("config").joinpath(CONFIGURATION_FILE).read_text(encoding="utf-8"))
    return template.substitute(
        settings.model_dump(include=set(template.get_identifiers()))
        | {
            "host": place.host,
            "port": place.port,
            "directory": place.directory,
            "key": place.key,
            "user": _account_name(settings),
            "packet_bytes_max": settings.payload_bytes_max + PACKET_OVERHEAD_BYTES,
            "keepalive_s_max": KEEPALIVE_S_MAX,
        }
    )


def _account_name(settings: BrokerSettings) -> str:
    """The account in the `user` line, which Mosquitto heeds only when it runs as root: then it stays root."""
    if settings.account is not None:
        return settings.account
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return "mosquitto"
