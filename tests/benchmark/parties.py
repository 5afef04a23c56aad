"""Who connects to the broker of the benchmark: certificates, and rules that let everybody do everything.

One client plays all gateways, which the broker's real rules would not let it. Whether they allow a message does not
depend on how many they are, so this hides no cost.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

from broker import files
from broker.access import Access
from broker.mosquitto import Broker
from broker.settings import BrokerSettings
from tests.benchmark.network import NETWORK
from tests.credentials import shared

PROVIDER: Final = "provider"
_ACCESS: Final = Access(PROVIDER, (NETWORK,))
_EVERYTHING: Final = "topic readwrite #\npattern readwrite #\n"


def credentials(name: str) -> Path:
    """The directory of a party, made when it is asked for the first time."""
    return shared().provider() if name == PROVIDER else shared().gateway(name)


@contextmanager
def open_rules() -> Iterator[None]:
    """Brokers that are started inside let everybody with a certificate do everything."""
    with patch.object(files, "render_access", lambda _access, _broker: _EVERYTHING):
        yield


def broker(home: Path) -> Broker:
    """The broker of the benchmark; enter it inside of `open_rules`."""
    return Broker(BrokerSettings(), home / "broker", shared().broker(), _ACCESS)
