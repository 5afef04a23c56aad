"""The `dcnet` command. What a command does is imported when it runs, so that help comes at once."""

import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from launcher import cli_analyze, cli_broker, cli_gwa, cli_inspector, cli_provider, cli_smgw
from launcher.errors import LauncherError
from launcher.options import HELP

app = typer.Typer(
    name="dcnet",
    help="Privacy-preserving smart metering: the electricity provider learns the sum, and no single reading.",
    epilog="Begin with:  dcnet demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings=HELP,
)
app.add_typer(cli_gwa.app, name="gwa")
app.add_typer(cli_provider.app, name="provider")
app.add_typer(cli_smgw.app, name="smgw")
app.add_typer(cli_inspector.app, name="inspector")
app.add_typer(cli_broker.app, name="broker")
app.add_typer(cli_analyze.app, name="analyze")

Direction = Literal["up", "down"]


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


@app.command()
def inspect(  # noqa: PLR0913, PLR0917 -- these are a command's options
    frame: Annotated[
        str | None, typer.Argument(help="A frame as hex or base64, a file that holds one, or - for standard input.")
    ] = None,
    watch: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Follow this broker until Ctrl-C.")] = None,
    credentials: Annotated[
        Path | None, typer.Option(metavar="DIR", help="With --watch: the inspector's directory, with its certificate.")
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="HEX", help="The public key of who signed the frame.")] = None,
    direction: Annotated[
        Direction | None, typer.Option(help="Who signed: up, a gateway; down, the provider. Else both are tried.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object for each frame.")] = False,
) -> None:
    """Take a frame apart, field by field, and say whether its signature holds.

    The sums in a superposition are masked: what you see is what left the house, and says nothing about the reading.

    Exit status: 0, or 1 when the signature does not hold, 2 when it is no frame.

    --watch follows a whole bus instead. Its broker lets nobody in without a certificate, so it needs --credentials, in
    which the provider's certificate says whose orders to believe.

    Examples:  dcnet inspect 44434e01...   |   dcnet inspect frame.bin --key 03a1...
    |   dcnet inspect --watch pi:8883 --credentials ~/inspector
    """
    from launcher.follow import run_watch  # noqa: PLC0415
    from launcher.inspection import run_inspect  # noqa: PLC0415

    if (frame is None) == (watch is None):
        raise LauncherError("Give either a frame or --watch HOST:PORT. See:  dcnet inspect --help")
    if watch is not None:
        if credentials is None:
            raise LauncherError(
                "--watch needs --credentials DIR, the inspector's directory. See:  dcnet inspect --help"
            )
        raise typer.Exit(run_watch(watch, credentials, as_json=json))
    raise typer.Exit(run_inspect(str(frame), key, direction, as_json=json))


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def simulate(context: typer.Context) -> None:
    """Run whole networks in virtual time: real cores, faults from a seed, an oracle that knows the true sums.

    Its options are its own, and are loaded with it:  dcnet simulate --help
    """
    from launcher.simulate import simulate as command  # noqa: PLC0415

    inner = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    inner.command(context_settings=HELP)(command)
    inner(context.args, prog_name="dcnet simulate")


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
