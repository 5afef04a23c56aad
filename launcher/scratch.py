"""The directory in which a demonstration lives: settings, homes, credentials, logs."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import LauncherError


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where everything is, below `root`."""

    root: Path
    is_kept: bool

    @property
    def provider_home(self) -> Path:
        """The provider's home directory."""
        return self.root / "provider"

    @property
    def administrator_home(self) -> Path:
        """The gateway administrator's books and key."""
        return self.root / "administrator"

    @property
    def broker_home(self) -> Path:
        """The credentials of the provider's own Mosquitto."""
        return self.provider_home / "broker"

    @property
    def results(self) -> Path:
        """The provider's results, one line for each closed round."""
        return self.provider_home / "results.csv"

    def gateway_home(self, name: str) -> Path:
        """A gateway's home directory, with its vault."""
        return self.root / "gateways" / name

    def inspector_home(self, name: str) -> Path:
        """The credentials of somebody who watches the bus."""
        return self.root / "inspectors" / name

    def meter_link(self, name: str) -> Path:
        """Where a gateway finds its emulated meter."""
        return self.root / "meters" / name

    def settings(self, name: str) -> Path:
        """The settings file of the provider or of a gateway."""
        return self.root / "settings" / f"{name}.toml"

    def log(self, name: str) -> Path:
        """What a process has written."""
        return self.root / "logs" / f"{name}.log"


@contextmanager
def scratch_directory(keep: Path | None) -> Iterator[Scratch]:
    """Make the directory; it goes away in the end, unless it is `keep`, which must be new or empty.

    Raises:
        LauncherError: It cannot be made, or there is something in it.
    """
    root = Path(tempfile.mkdtemp(prefix="dcnet-")) if keep is None else _make(keep.absolute())
    scratch = Scratch(root, keep is not None)
    try:
        for part in ("gateways", "inspectors", "meters", "settings", "logs"):
            (root / part).mkdir(mode=0o700)
        yield scratch
    finally:
        if keep is None:
            shutil.rmtree(root, ignore_errors=True)


def _make(root: Path) -> Path:
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_empty = not any(root.iterdir())
    except OSError as error:
        raise LauncherError(f"{root} cannot be used: {error.strerror}. Name another directory with --keep.") from error
    if not is_empty:
        raise LauncherError(
            f"{root} is not empty, and vaults of another run are never used again. Name a new directory."
        )
    if not os.access(root, os.W_OK | os.X_OK):
        raise LauncherError(f"{root} cannot be written to. Name another directory with --keep.")
    return root
