"""`dcnet broker ...`: the broker's commands, when it does not belong to the provider's process (`embedded = false`)."""

from pathlib import Path
from typing import Annotated

import typer

from launcher.options import Config, RevocationFile, Trusted

app = typer.Typer(
    help="The bus, for providers with embedded = false: Mosquitto, with the configuration that loses no message.",
    no_args_is_help=True,
)


@app.command()
def enroll(
    config: Config,
    host: Annotated[
        list[str] | None,
        typer.Option(help="A name or address by which gateways reach the broker; give it once for each."),
    ] = None,
) -> None:
    """Make the broker's key, and the request for its certificate. A second time nothing changes."""
    from launcher import enrolling  # noqa: PLC0415 -- see launcher/cli.py

    enrolling.enroll([enrolling.at_hosts(enrolling.broker(config), host or ())], typer.echo)


@app.command()
def install(
    config: Config,
    bundle: Annotated[Path, typer.Argument(help="What the administrator handed back.")],
    authority: Trusted = None,
) -> None:
    """Check and install the certificate that the administrator issued, the first one or a renewed one."""
    from launcher import enrolling  # noqa: PLC0415

    enrolling.install_bundles([enrolling.broker(config)], [bundle], authority, typer.echo)


@app.command()
def revocations(config: Config, file: RevocationFile) -> None:
    """Install a newer list of revoked certificates. A broker that runs goes by it within seconds."""
    from launcher import enrolling  # noqa: PLC0415

    enrolling.install_list([enrolling.broker(config)], file, typer.echo)


@app.command()
def run(config: Config) -> None:
    """Run Mosquitto alone, until Ctrl-C or SIGTERM, by the settings of the provider that it serves.

    It is started again when it dies. A provider with `embedded = true` needs none of this.
    """
    from launcher.mosquitto import run_broker  # noqa: PLC0415

    raise typer.Exit(run_broker(config))
