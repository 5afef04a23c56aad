"""The `dcnet` command. What a command does is imported when it runs, so that help comes at once."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from launcher.errors import LauncherError

app = typer.Typer(
    name="dcnet",
    help="Privacy-preserving smart metering: the electricity provider learns the sum, and no single reading.",
    epilog="Begin with:  dcnet demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
provider_app = typer.Typer(help="The electricity provider: registers gateways, relays their tunnels, sums rounds.")
smgw_app = typer.Typer(help="A smart meter gateway (SMGW): reads its meter, and sends it hidden under masks.")
broker_app = typer.Typer(help="The bus: Mosquitto, with the configuration that loses no message.")
app.add_typer(provider_app, name="provider", no_args_is_help=True)
app.add_typer(smgw_app, name="smgw", no_args_is_help=True)
app.add_typer(broker_app, name="broker", no_args_is_help=True)

Config = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The settings file (TOML).")]


@app.command()
def demo(  # noqa: PLR0913, PLR0917 -- these are a command's options
    profile: Annotated[
        str, typer.Option(help="demo, thesis (section 4.1), regions (two networks), or the path of a .toml file.")
    ] = "demo",
    gateways: Annotated[int | None, typer.Option(help="How many gateways each network begins with.")] = None,
    rounds: Annotated[int | None, typer.Option(help="How many rounds to play; 0 plays until Ctrl-C.")] = None,
    period: Annotated[float | None, typer.Option(metavar="S", help="Length of a round in seconds.")] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep logs, vaults, settings and results.csv there.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each closed round.")] = False,
    capture: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Watch a whole network on this machine: Mosquitto, the provider and the gateways, each a process of its own.

    Gateways fail, return, leave and join as the profile's script says. Each published sum is compared with the true
    one, added up from the gateways' own vaults, which the provider never sees. Ctrl-C stops everything.

    Exit status: 0 when every sum was exact and no round was lost without a reason, 1 when not, 2 when it could not
    begin, 130 after Ctrl-C.

    Examples:  dcnet demo   |   dcnet demo --profile thesis   |   dcnet demo --gateways 40 --period 3 --json
    """
    from launcher.demo import DemoOptions, run_demo  # noqa: PLC0415 -- see the module's docstring
    from launcher.profile import Overrides  # noqa: PLC0415

    overrides = Overrides(gateways, rounds, period)
    raise typer.Exit(run_demo(DemoOptions(profile, overrides, keep, json, capture)))


def main() -> NoReturn:
    """Run the command line; the exit status is 2 when a person has to put something right first."""
    try:
        app()
    except LauncherError as error:
        sys.stderr.write(f"dcnet: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)
