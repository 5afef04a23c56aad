"""`dcnet inspect --watch`: follows a running broker, and shows every frame with its topic, or records it."""

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, final

from rich.console import Console
from rich.text import Text

from broker import events as bus_events
from broker.bus import Bus
from broker.credentials import Credentials, load_credentials
from broker.home import HomeError
from broker.settings import BusSettings
from broker.toml import SettingsError, check_settings
from common import topics
from common.certificates import Role
from common.frames import Notification, decode
from common.refusal import RefusedError
from common.signing import Direction
from launcher.errors import LauncherError
from launcher.inspection import as_text, inspect
from launcher.recording import Recorder
from launcher.view import print_line

log = logging.getLogger(__name__)

_EVERYTHING: Final = f"{topics.ROOT}/#"
_PRESENCE: Final = topics.presence("")
_CONNECT_WITHIN_S: Final = 5
_SPEAKS_WITHIN_S: Final = 10
"""An inspector who may read gets what the broker retains at once: the provider's presence, its rosters and its list."""

_PORT: Final = 8883
_FORWARDED: Final = frozenset({Notification.TUNNEL, Notification.EXIT})


Take = Callable[[Sequence[bus_events.Message]], None]
"""What is done with the messages that have come."""


def run_watch(address: str, directory: Path, record: Path | None, *, as_json: bool) -> int:
    """Show or record every message below `dcnet/1` until Ctrl-C.

    Args:
        address: HOST:PORT of the broker.
        directory: An inspector's credentials. The provider's certificate is among them: its frames are checked.
        record: A new file for the messages; None shows them.
        as_json: Whether to print JSON objects, one for each message.

    Raises:
        LauncherError: The address is none, the credentials cannot be used, nothing answers there, or what comes cannot
            be written.
    """
    host, _, port = address.rpartition(":")
    wanted = {"host": host or address, "port": port if host else _PORT, "keep_session": False}
    try:
        settings = check_settings(BusSettings, wanted, f"--watch {address}")
        credentials = load_credentials(directory, Role.INSPECTOR, time.time_ns() // 1_000_000)
        with nullcontext(_shown(credentials, as_json=as_json)) if record is None else _recording(record) as take:
            return asyncio.run(_watch(settings, credentials, take))
    except SettingsError as error:
        raise LauncherError(f"{error} Give HOST:PORT, such as 127.0.0.1:{_PORT}.") from error
    except HomeError as error:
        raise LauncherError(str(error)) from error


def _shown(credentials: Credentials, *, as_json: bool) -> Take:
    assert credentials.provider is not None, "an inspector's credentials were checked with the provider's certificate"
    key, console = credentials.provider.public_key, Console(highlight=False, soft_wrap=True)

    def take(messages: Sequence[bus_events.Message]) -> None:
        for message in messages:
            _show(message, key, console, as_json=as_json)

    return take


@contextmanager
def _recording(path: Path) -> Iterator[Take]:
    with Recorder(path) as recorder:
        yield lambda messages: recorder.take(messages, time.time_ns() // 1_000_000)
        sys.stderr.write(f"{recorder.messages:,} messages are in {path}\n")


async def _watch(settings: BusSettings, credentials: Credentials, take: Take) -> int:
    name = credentials.certificate.subject.name
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Bus(settings, name, credentials=credentials.directory) as bus:
        bus.subscribe(_EVERYTHING)
        first = await bus.next_batch(1_000, _CONNECT_WITHIN_S)
        if not first:
            where = f"{settings.host}:{settings.port}"
            raise LauncherError(
                f"No broker lets {name} in on {where} within {_CONNECT_WITHIN_S} s. Is it running there? What it says "
                "otherwise stands above."
            )
        batch: Sequence[bus_events.BusEvent] = first
        silence = Silence(name, time.monotonic())
        while not stop.is_set():
            if (hint := silence.hint(batch, time.monotonic())) is not None:
                log.warning("%s", hint)
            take([event for event in batch if isinstance(event, bus_events.Message)])
            batch = await bus.next_batch(1_000, 0.2)
    return 0


@final
class Silence:
    """Notices that nothing comes: an inspector whom the provider has not named is let in, and told nothing."""

    def __init__(self, name: str, since_s: float) -> None:
        """`since_s` is when the connection stood, by the steady clock."""
        self._name: Final = name
        self._since_s: Final = since_s
        self._is_over = False

    def hint(self, batch: Sequence[bus_events.BusEvent], now_s: float) -> str | None:
        """Take what has come by now; once, when it is time and that was nothing, what may be the reason."""
        self._is_over |= any(isinstance(event, bus_events.Message) for event in batch)
        if self._is_over or now_s - self._since_s < _SPEAKS_WITHIN_S:
            return None
        self._is_over = True
        return (
            f"nothing has come in {_SPEAKS_WITHIN_S} s. Is {self._name} in `inspectors` of [broker] in the provider's "
            "settings, and was the provider started again since?"
        )


def _show(message: bus_events.Message, key: bytes, console: Console, *, as_json: bool) -> None:
    line = describe(message, key)
    if as_json:
        print_line(json.dumps(line))
        return
    kept = ", retained" if message.retained else ""
    now = datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3]
    console.print(Text.assemble((f"{now} UTC  ", "bright_black"), (message.topic, "bold"), (kept, "bright_black")))
    if "refusal" in line:
        console.print(Text(f"  no frame: {line['refusal']}", "yellow"))
    elif "presence" in line:
        console.print(Text(f"  {line['presence']}"))
    elif "result" in line:
        console.print(Text(f"  {json.dumps(line['result'])}"))
    else:
        console.print(as_text(inspect(message.payload, *_signer(message, key))))
    console.print()


def describe(message: bus_events.Message, key: bytes) -> dict[str, object]:
    """A message as a JSON object: its topic, and the frame, the published result or presence, or why it is neither."""
    line: dict[str, object] = {"topic": message.topic, "retained": message.retained}
    if message.topic.startswith(_PRESENCE):
        return line | {"presence": message.payload.decode("utf-8", "replace")}
    if not message.payload.startswith(b"{"):
        try:
            return line | inspect(message.payload, *_signer(message, key)).as_json()
        except RefusedError as error:
            return line | {"refusal": error.reason.sentence}
    try:
        return line | {"result": json.loads(message.payload)}
    except ValueError:
        return line | {"refusal": "it looks like JSON and is none"}


def _signer(message: bus_events.Message, key: bytes) -> tuple[bytes | None, list[Direction]]:
    """The key to check a frame with, and the direction; what the provider forwards was signed upward by a member."""
    level = message.topic.removeprefix(f"{topics.ROOT}/").split("/")[1:2]
    is_providers = level in (["down"], ["all"]) and decode(message.payload).frame.notification not in _FORWARDED
    return (key, [Direction.DOWN]) if is_providers else (None, [Direction.UP])
