"""The `dcnet` command. What a command does is imported when it runs, so that help comes at once."""

import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from launcher import cli_analyze, cli_broker, cli_gwa, cli_inspector, cli_provider, cli_smgw
from launcher.errors import LauncherError
from launcher.inspect_modes import Direction, InspectOptions, run_chosen
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

Suite = Literal["hardened", "basic"]
AttackName = Literal["false-correction"]


@app.command()
def demo(  # noqa: PLR0913, PLR0917 -- these are a command's options
    profile: Annotated[
        str, typer.Option(help="demo, thesis (section 4.1), regions (two networks), or the path of a .toml file.")
    ] = "demo",
    gateways: Annotated[int | None, typer.Option(help="How many gateways each network begins with.")] = None,
    rounds: Annotated[int | None, typer.Option(help="How many rounds to play; 0 plays until Ctrl-C.")] = None,
    period: Annotated[float | None, typer.Option(metavar="S", help="Length of a round in seconds.")] = None,
    suite: Annotated[Suite | None, typer.Option(help="The suite of all networks; basic only to compare.")] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep logs, vaults, settings and results.csv there.")
    ] = None,
    attack: Annotated[
        AttackName | None, typer.Option(help="Play a provider that lies, against both suites side by side.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each closed round.")] = False,
    capture: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Watch a whole network on this machine: Mosquitto, the provider and the gateways, each a process of its own.

    Gateways fail, return, leave and join as the profile's script says. Each published sum is compared with the true
    one, added up from the gateways' own vaults, which the provider never sees. Ctrl-C stops everything.

    Exit status: 0 when every sum was exact and no round was lost without a reason, 1 when not, 2 when it could not
    begin, 130 after Ctrl-C.

    --attack false-correction plays what a lying provider can do: it keeps back a frame, calls its sender missing, and
    computes what the neighbors' answers tell. Two networks run at once, one in each suite. Exit status: 0 when suite
    basic gave the reading away and suite hardened did not, 1 when not.

    Examples:  dcnet demo   |   dcnet demo --profile thesis   |   dcnet demo --gateways 40 --period 3 --json
    |   dcnet demo --attack false-correction
    """
    if attack is not None:
        from launcher.attack.show import AttackOptions, run_attack  # noqa: PLC0415 -- see the module's docstring

        if profile != "demo" or rounds is not None or suite is not None or capture is not None:
            raise LauncherError("--attack goes with --gateways, --period, --keep and --json. See:  dcnet demo --help")
        raise typer.Exit(run_attack(AttackOptions(gateways, period, keep, json)))
    from launcher.demo import DemoOptions, run_demo  # noqa: PLC0415
    from launcher.profile import Overrides  # noqa: PLC0415

    overrides = Overrides(gateways, rounds, period, suite)
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
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --watch: write every message there instead of showing it.")
    ] = None,
    uniformity: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Test whether the superpositions of a recording hide anything.")
    ] = None,
    readings: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="With --uniformity: the true readings, from dcnet smgw readings."),
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judge evidence of an offense, from dcnet smgw evidence --out.")
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="PEM", help="With --evidence: the administrator whom you trust.")
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
    which the provider's certificate says whose orders to believe. --record keeps what comes, one JSON object per line.

    --uniformity tests a recording: published lanes must look uniform, and unrelated to --readings. It finds masks that
    are badly wrong, and cannot show secrecy. Perfect masks fail in fewer than 1 of 10,000 recordings. Exit status: 0
    when they look uniform, 1 when they do not, 2 when there are too few frames (100 are needed).

    --evidence judges what a gateway kept of its provider: certificates, both signatures, and whether the two frames
    really contradict each other. Exit status: 0 when the file shows what it claims, 1 when not.

    Examples:  dcnet inspect 44434e01...   |   dcnet inspect frame.bin --key 03a1...
    |   dcnet inspect --watch pi:8883 --credentials ~/inspector --record day.jsonl
    |   dcnet inspect --uniformity day.jsonl
    """
    options = InspectOptions(
        frame, watch, credentials, record, uniformity, readings, evidence, ca, key, direction, json
    )
    raise typer.Exit(run_chosen(options))


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
