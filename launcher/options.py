"""Options and settings that several commands of `dcnet` share."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

HELP: Final = {"help_option_names": ["-h", "--help"]}
"""What every command's context is made with."""

LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"] | None, typer.Option(help="How much to say.", show_default=False)
]
Config = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The settings file (TOML).")]
Trusted = Annotated[
    str | None,
    typer.Option(
        "--authority",
        metavar="SHA256",
        help="The administrator's fingerprint, as `dcnet gwa init` printed it; needed the first time.",
    ),
]
RevocationFile = Annotated[Path, typer.Argument(metavar="LIST", help="The administrator's revocations.pem.")]
