"""How a person watches the bus of a demonstration: the settings for MQTT Explorer and for `dcnet inspect`."""

from dataclasses import dataclass
from pathlib import Path

from broker.credentials import AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE
from common.topics import ROOT
from launcher.administration import EXPLORER, INSPECTOR
from launcher.scratch import Scratch
from launcher.settings import ProviderReady


@dataclass(frozen=True, slots=True)
class Watching:
    """Where the broker is, and the credentials directories of two programs that may watch it at the same time."""

    host: str
    port: int
    explorer: Path
    inspector: Path
    is_kept: bool

    @classmethod
    def of(cls, ready: ProviderReady, scratch: Scratch) -> "Watching":
        """The settings for the broker of a provider that is ready."""
        explorer, inspector = scratch.inspector_home(EXPLORER), scratch.inspector_home(INSPECTOR)
        return cls(ready.host, ready.port, explorer, inspector, scratch.is_kept)

    @property
    def command(self) -> str:
        """The command that follows the bus in a terminal."""
        return f"dcnet inspect --watch {self.host}:{self.port} --credentials {self.inspector}"

    @property
    def connection(self) -> str:
        """What MQTT Explorer asks for first."""
        return f"MQTT Explorer: host {self.host}, port {self.port}, encryption (TLS) on, topics {ROOT}/#"

    @property
    def short(self) -> list[str]:
        """Three lines for a crowded terminal."""
        files = f"{AUTHORITY_FILE} (CA), {CERTIFICATE_FILE} and {KEY_FILE}"
        return [self.connection, f"  {files} in {self.explorer}", self.command]

    @property
    def long(self) -> list[str]:
        """Every file with its path, for copying."""
        lifetime = "stay" if self.is_kept else "live as long as the demo, unless --keep DIR"
        return [
            self.connection,
            f"  server certificate (CA): {self.explorer / AUTHORITY_FILE}",
            f"  client certificate:      {self.explorer / CERTIFICATE_FILE}",
            f"  client key:              {self.explorer / KEY_FILE}",
            f"In a terminal: {self.command}",
            f"These files may read the whole bus and write nothing; they {lifetime}.",
        ]
