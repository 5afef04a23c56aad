"""`dcnet inspector ...`: how somebody who may watch the bus, and change nothing, gets a certificate."""

from pathlib import Path
from typing import Annotated

import typer

from launcher.options import Trusted

app = typer.Typer(
    help="Somebody who may watch the bus, and change nothing: MQTT Explorer, dcnet inspect --watch.",
    no_args_is_help=True,
)
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Has the inspector's key; made when missing.")]


@app.command()
def enroll(
    directory: Directory,
    name: Annotated[
        str,
        typer.Option(
            help="Its name, which begins with inspector; of two programs with one name the broker keeps the later."
        ),
    ] = "inspector",
) -> None:
    """Make an inspector's key, and the request for its certificate. A second time nothing changes."""
    from common.certificates import Role, Subject  # noqa: PLC0415 -- see launcher/cli.py
    from launcher import enrolling  # noqa: PLC0415

    enrolling.enroll([enrolling.Party(directory, Subject(Role.INSPECTOR, name))], typer.echo)


@app.command()
def install(
    directory: Directory,
    bundle: Annotated[Path, typer.Argument(help="What the administrator handed back.")],
    authority: Trusted = None,
) -> None:
    """Check and install the certificate that the administrator issued, the first one or a renewed one."""
    from launcher import enrolling  # noqa: PLC0415

    enrolling.install_bundles([enrolling.inspector(directory)], [bundle], authority, typer.echo)


@app.command()
def revocations(
    directory: Directory,
    file: Annotated[Path, typer.Argument(metavar="LIST", help="The administrator's revocations.pem.")],
) -> None:
    """Install a newer list of revoked certificates."""
    from launcher import enrolling  # noqa: PLC0415

    enrolling.install_list([enrolling.inspector(directory)], file, typer.echo)
