"""`dcnet smgw ...`: a gateway's commands."""

from pathlib import Path
from typing import Annotated

import typer

from launcher.options import Config, LogLevel, RevocationFile, Trusted

app = typer.Typer(
    help="A smart meter gateway (SMGW): reads its meter, and sends it hidden under masks.", no_args_is_help=True
)


@app.command()
def enroll(config: Config) -> None:
    """Make the gateway's key, and the request for its certificate. A second time nothing changes.

    The private key stays in the `home` of the settings; the request goes to the gateway administrator.
    """
    from launcher import enrolling  # noqa: PLC0415 -- see launcher/cli.py

    enrolling.enroll([enrolling.gateway(config)], typer.echo)


@app.command()
def install(
    config: Config,
    bundle: Annotated[Path, typer.Argument(help="What the administrator handed back.")],
    authority: Trusted = None,
) -> None:
    """Check and install the certificate that the administrator issued, the first one or a renewed one."""
    from launcher import enrolling  # noqa: PLC0415

    enrolling.install_bundles([enrolling.gateway(config)], [bundle], authority, typer.echo)


@app.command()
def revocations(config: Config, file: RevocationFile) -> None:
    """Install a newer list of revoked certificates. A gateway that runs gets it from the provider by itself."""
    from launcher import enrolling  # noqa: PLC0415

    enrolling.install_list([enrolling.gateway(config)], file, typer.echo)


@app.command()
def run(config: Config, log_level: LogLevel = None) -> None:
    """Run a gateway until Ctrl-C or SIGTERM; the same as `python -m smgw`.

    It stays a member of its network when it stops, and returns with its seeds. config/smgw.toml explains every setting.
    """
    from launcher.programs import become  # noqa: PLC0415

    become("smgw", config, log_level and log_level.upper())


@app.command()
def log(config: Config) -> None:
    """Show the calibration log: whatever was wrong with the gateway's clock. It may be running."""
    from launcher import calibration  # noqa: PLC0415

    calibration.tell(config, typer.echo)


@app.command()
def evidence(
    config: Config,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write each offense there, as a file that others can check.")
    ] = None,
) -> None:
    """Show what the gateway has kept of its provider's offenses; it may be running.

    Two signed orders that contradict each other prove it to anybody. That the provider left the gateway out although it
    had sent may be an accident of the network. The files hold frames and certificates, no reading and nothing secret:
    hand them to the gateway administrator, who checks them with  dcnet inspect --evidence FILE
    """
    from launcher.evidence import commands  # noqa: PLC0415

    commands.tell(config, out, typer.echo)


@app.command()
def readings(config: Config) -> None:
    """Print the gateway's true readings as CSV, oldest first; it may be running. They are its owner's, so keep them.

    dcnet inspect --uniformity FILE --readings CSV  tests whether a recording of the bus tells anything about them.
    """
    from launcher.hiding import export  # noqa: PLC0415

    export.tell(config, typer.echo)


@app.command()
def leave(
    config: Config,
    within: Annotated[float, typer.Option(metavar="S", help="How long to wait for a running gateway's end.")] = 120,
) -> None:
    """Leave the network for good: tell the provider, and erase all seeds once it has confirmed.

    A gateway that is running does it and ends; otherwise one is started that does nothing else.
    """
    from launcher import leaving  # noqa: PLC0415

    raise typer.Exit(leaving.leave(config, within, typer.echo))
