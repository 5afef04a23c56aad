"""`python -m provider --config FILE`: run one provider, or show its key."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from broker.credentials import KEY_FILE
from broker.home import HomeError, make_home
from broker.keyfile import load_or_make_identity
from broker.toml import SettingsError
from provider import settings as provider_settings
from provider.service import FAILED, run

_ABOUT: Final = """\
Runs the electricity provider: it registers gateways, relays the tunnels in which they agree on seeds, and adds up
each round. It never sees a reading, only the sum. With `embedded = true` it starts its own Mosquitto.
"""

_MORE: Final = """\
In the home directory (setting `home`) you find
  results.csv     one line for each closed round, energies in 0.1 Wh
  provider.json   while it runs: public key, host and port
  provider.db     members, rosters, key graph, rounds (SQLite; may be read while it runs). Never restore an older
                  copy: its gateways have seen the rosters that it lacks, and would refuse others in their place
  identity.key    its identity: keep a backup, since its gateways accept no other
  certificate.pem, authority.pem, revocations.pem   from the gateway administrator, after `dcnet provider enroll`.
                  A newer revocations.pem that is copied there takes effect within seconds
  broker/         the same for its own Mosquitto
On the bus, topic dcnet/1/<network>/result shows the last round as JSON, to whoever has an inspector's certificate,
and topic dcnet/1/presence/<name> whether the provider is there: online or offline.

Every setting can be given in the environment too: DCNET_PROVIDER_HOME, DCNET_PROVIDER_BROKER__PORT, ...
An example with all settings is config/provider.toml. Ctrl-C or SIGTERM stops it; exit status 2 says that something
has to be put right first.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(message)s"
    )
    try:
        settings = provider_settings.load(options.config)
        if options.show_key:
            make_home(settings.home)
            sys.stdout.write(f"{load_or_make_identity(settings.home / KEY_FILE).public_key.hex()}\n")
            return 0
    except (SettingsError, HomeError) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    return asyncio.run(run(settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m provider",
        description=_ABOUT,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings file (TOML)")
    parser.add_argument(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="how much to say (default: info, one line for each round)",
    )
    parser.add_argument("--show-key", action="store_true", help="print the provider's public key, and end")
    return parser


if __name__ == "__main__":
    sys.exit(main())
