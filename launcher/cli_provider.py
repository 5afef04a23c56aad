"""`dcnet provider ...`: the electricity provider's commands."""

from pathlib import Path
from typing import Annotated

import typer

from launcher.options import Config, LogLevel, RevocationFile, Trusted

app = typer.Typer(
    help="The electricity provider: registers gateways, relays their tunnels, sums rounds.", no_args_is_help=True
)


@app.command()
def enroll(
    config: Config,
    host: Annotated[
        list[str] | None,
        typer.Option(help="A name or address by which gateways reach the broker; give it once for each."),
    ] = None,
) -> None:
    """Make the keys of the provider and of its broker, and the requests for their certificates.

    A second time nothing changes, except for the broker's request when other hosts are given. Once it has a
    certificate, the administrator changes them:  dcnet gwa renew DIR broker --host HOST
    With `embedded = false`, the broker has commands of its own:  dcnet broker enroll
    """
    from launcher import enrolling  # noqa: PLC0415 -- see launcher/cli.py

    parties = [enrolling.at_hosts(party, host or ()) for party in enrolling.provider(config)]
    enrolling.enroll(parties, typer.echo)


@app.command()
def install(
    config: Config,
    bundles: Annotated[list[Path], typer.Argument(metavar="BUNDLE...", help="The provider's and its broker's.")],
    authority: Trusted = None,
) -> None:
    """Check and install the certificates that the administrator issued, the first ones or renewed ones."""
    from launcher import enrolling  # noqa: PLC0415

    enrolling.install_bundles(enrolling.provider(config), bundles, authority, typer.echo)


@app.command()
def revocations(config: Config, file: RevocationFile) -> None:
    """Install a newer list of revoked certificates, for the provider and its broker, which go by it at once."""
    from launcher import enrolling  # noqa: PLC0415

    enrolling.install_list(enrolling.provider(config), file, typer.echo)


@app.command()
def run(config: Config, log_level: LogLevel = None) -> None:
    """Run the provider until Ctrl-C or SIGTERM; the same as `python -m provider`.

    config/provider.toml is an example with every setting. With `embedded = true` it starts its own Mosquitto.
    """
    from launcher.programs import become  # noqa: PLC0415

    become("provider", config, log_level)


@app.command()
def key(config: Config) -> None:
    """Print the public key with which the provider signs, and which its certificate holds."""
    from launcher.programs import become  # noqa: PLC0415

    become("provider", config, None, "--show-key")
