"""`python -m smgw`: one gateway as one process."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from typing import Final, get_args

from broker.toml import SettingsError
from smgw.agent import run
from smgw.settings import LogLevel, load

_DESCRIPTION: Final = """\
Run one smart meter gateway (SMGW): it reads its meter, hides each reading under masks that it shares with other
gateways, and sends it to the electricity provider, who learns the sum of the network and no single reading."""

_MORE: Final = """\
signals:
  SIGTERM, SIGINT   stop; the gateway stays a member and returns with its seeds when it is started again
  SIGUSR1           leave the network for good, then stop (like --leave)

environment:
  DCNET_SMGW_*      overrides the file: DCNET_SMGW_HOME, DCNET_SMGW_BROKER__PORT, DCNET_SMGW_METER__KIND, ...

exit status:
  0   stopped as asked, or left the network
  1   credentials, vault or meter cannot be used
  2   settings or arguments are wrong

example:
  python -m smgw --config /etc/dcnet/smgw.toml

config/smgw.toml explains every setting."""


def main() -> int:
    """Run a gateway from the command line; return the exit status."""
    arguments = _parser().parse_args()
    try:
        settings = load(arguments.config)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logging.basicConfig(
        stream=sys.stderr,
        level=arguments.log_level or settings.log_level,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    return asyncio.run(run(settings, leave=arguments.leave))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m smgw",
        description=_DESCRIPTION,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings of this gateway (TOML)")
    parser.add_argument(
        "--leave",
        action="store_true",
        help="leave the network for good: tell the provider, erase all seeds when it confirms, then end",
    )
    parser.add_argument(
        "--log-level", choices=get_args(LogLevel), help="least weight of a log line; default: log_level of the settings"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
