"""`dcnet gwa ...`: the gateway administrator's commands. They work in one directory, and need no network."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from broker.gwa.terms import AUTHORITY_YEARS, CERTIFICATE_DAYS, LIST_DAYS, RENEW_WITHIN_DAYS
from launcher.errors import LauncherError

if TYPE_CHECKING:
    from launcher.gwa import Talk

app = typer.Typer(
    help="The gateway administrator (GWA): an offline authority that issues and revokes certificates.",
    no_args_is_help=True,
)
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The administrator's directory.")]
CertificateDays = Annotated[int, typer.Option("--days", min=1, max=3_650, help="How long a certificate is good.")]
ListDays = Annotated[int, typer.Option(min=1, max=3_650, help="How long the revocation list is good.")]
RoleName = Literal["gateway", "provider", "broker", "inspector"]


@app.command()
def init(
    directory: Directory,
    years: Annotated[int, typer.Option(min=1, max=50, help="How long the authority is good.")] = AUTHORITY_YEARS,
    encrypt: Annotated[
        bool, typer.Option(help="Encrypt its key with a passphrase: DCNET_GWA_PASSPHRASE, or typed.")
    ] = True,
) -> None:
    """Found an authority in a new directory, and print the fingerprint by which everybody knows it."""
    from launcher import gwa  # noqa: PLC0415 -- see launcher/cli.py

    gwa.init(directory, years, encrypt, _talk())


@app.command()
def issue(  # noqa: PLR0913, PLR0917 -- these are a command's options
    directory: Directory,
    requests: Annotated[list[Path], typer.Argument(metavar="REQUEST...", help="Certificate requests.")],
    meter: Annotated[
        str | None, typer.Option(metavar="ID", help="The gateway's meter, as it stands on it: 1EMH0012345678.")
    ] = None,
    meters: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For many gateways: lines with name,meter (CSV).")
    ] = None,
    role: Annotated[RoleName, typer.Option(help="What you mean to certify; requests of other roles are refused.")] = (
        "gateway"
    ),
    days: CertificateDays = CERTIFICATE_DAYS,
    list_days: ListDays = LIST_DAYS,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write copies of the bundles there too.")] = None,
) -> None:
    """Issue certificates: one for each meter, under the pseudonym of the request. The bundles are in DIR/issued.

    Exit status: 0, or 1 when one was refused; the others are issued all the same, and a second run leaves them be.

    Examples:  dcnet gwa issue gwa provider.pem --role provider   |   dcnet gwa issue gwa gateway-1.pem --meter
    1EMH0012345678   |   dcnet gwa issue gwa requests/*.pem --meters meters.csv
    """
    from common.certificates import Role  # noqa: PLC0415
    from launcher import gwa  # noqa: PLC0415

    if meter is not None and meters is not None:
        raise LauncherError("Give either --meter or --meters.")
    wanted = gwa.Wanted(requests, Role(role), meter, meters, out)
    raise typer.Exit(gwa.issue(directory, wanted, gwa.Terms(days, list_days), _talk()))


@app.command()
def revoke(
    directory: Directory,
    name: Annotated[str, typer.Argument(help="The pseudonym.")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the books.")],
    list_days: ListDays = LIST_DAYS,
) -> None:
    """Revoke every certificate of this name. Its key never gets another one."""
    from launcher import gwa  # noqa: PLC0415

    gwa.revoke(directory, name, reason, gwa.Terms(0, list_days), _talk())


@app.command()
def renew(  # noqa: PLR0913, PLR0917 -- these are a command's options
    directory: Directory,
    names: Annotated[list[str] | None, typer.Argument(help="Whose certificates; else all that end soon.")] = None,
    within: Annotated[
        int, typer.Option(metavar="DAYS", min=0, help="Which end soon, without names.")
    ] = RENEW_WITHIN_DAYS,
    host: Annotated[
        list[str] | None, typer.Option(help="For the broker alone: how gateways reach it from now on.")
    ] = None,
    days: CertificateDays = CERTIFICATE_DAYS,
    list_days: ListDays = LIST_DAYS,
) -> None:
    """Renew certificates for the same keys, and in any case sign a fresh revocation list.

    Exit status: 0, or 1 when somebody could not be renewed.
    """
    from launcher import gwa  # noqa: PLC0415

    if host and not names:
        raise LauncherError("--host is for the broker. Name it:  dcnet gwa renew DIR broker --host HOST")
    renewal = gwa.Renewal(names or [], host or [], within)
    raise typer.Exit(gwa.renew(directory, renewal, gwa.Terms(days, list_days), _talk()))


@app.command("list")
def list_(
    directory: Directory, json: Annotated[bool, typer.Option("--json", help="For scripts: all that is known.")] = False
) -> None:
    """Show what was issued, and what of it is valid."""
    from launcher.gwa_list import show  # noqa: PLC0415

    show(directory, json, typer.echo)


def _talk() -> "Talk":
    from launcher.gwa import Talk  # noqa: PLC0415

    return Talk(typer.echo, lambda text: typer.echo(text, err=True), _ask)


def _ask(question: str, is_new: bool) -> str:
    """Ask on the terminal. Without one there is nobody to answer."""
    if not sys.stdin.isatty():
        return ""
    answer: str = typer.prompt(question, hide_input=True, confirmation_prompt=is_new, err=True)
    return answer
