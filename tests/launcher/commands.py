"""The `dcnet` command within this process, and the settings files of parties that enroll."""

from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from launcher.cli import app
from launcher.errors import LauncherError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command said. `status` is 2 where `main` prints the sentence of a LauncherError."""

    status: int
    out: str
    err: str


def dcnet(*words: str | Path, typed: str | None = None) -> Outcome:
    done = CliRunner().invoke(app, [str(word) for word in words], input=typed)
    if isinstance(done.exception, LauncherError):
        return Outcome(2, done.stdout, str(done.exception))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Outcome(done.exit_code, done.stdout, done.stderr)


def gateway_settings(root: Path, name: str, region: str = "north") -> Path:
    """A settings file in `root`, with `root/<name>` as home directory."""
    path = root / f"{name}.toml"
    head = f"name = '{name}'\nregion = '{region}'\nhome = '{root / name}'\n"
    path.write_text(f"{head}[meter]\nkind = 'simulator'\nseed = 1\n")
    return path


def provider_settings(root: Path) -> Path:
    """A settings file in `root`, with `root/provider` as home directory."""
    path = root / "provider.toml"
    path.write_text(f"home = '{root / 'provider'}'\n[broker]\nport = 18830\n[[network]]\nid = 1\nregion = 'north'\n")
    return path


def pilot(root: Path) -> str:
    """An administrator in `root/gwa`, and a provider with its broker in `root/provider`; returns the fingerprint."""
    fingerprint = dcnet("gwa", "init", root / "gwa", "--no-encrypt").out.split()[-1]
    settings = provider_settings(root)
    home = root / "provider"
    dcnet("provider", "enroll", "--config", settings)
    dcnet("gwa", "issue", root / "gwa", home / "request.pem", "--role", "provider")
    dcnet("gwa", "issue", root / "gwa", home / "broker" / "request.pem", "--role", "broker")
    bundles = [root / "gwa" / "issued" / f"{name}.pem" for name in ("provider", "broker")]
    installed = dcnet("provider", "install", "--config", settings, *bundles, "--authority", fingerprint)
    assert installed.status == 0, installed.err
    return fingerprint


def request(root: Path, name: str, region: str = "north") -> Path:
    """The request of a gateway that has just enrolled."""
    dcnet("smgw", "enroll", "--config", gateway_settings(root, name, region))
    return root / name / "request.pem"
