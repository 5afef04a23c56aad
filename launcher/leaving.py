"""`dcnet smgw leave`: takes a gateway out of its network, whether it is running or not."""

import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from broker.toml import SettingsError
from launcher.errors import LauncherError
from launcher.programs import become
from smgw import settings as smgw_settings
from smgw.vault import LOCK_FILE

_POLL_S: Final = 0.1


def leave(config: Path, within_s: float, tell: Callable[[str], None]) -> int:
    """Make the gateway of these settings leave for good.

    A running one is asked with SIGUSR1, and its end is awaited; else one is run with `--leave`.

    Args:
        config: The gateway's settings.
        within_s: How long a running gateway may take.
        tell: Is told what happens.

    Returns:
        0 when it has left, 1 when it has not yet.

    Raises:
        LauncherError: The settings cannot be read, or the gateway belongs to another account.
    """
    try:
        home = smgw_settings.load(config).home
    except SettingsError as error:
        raise LauncherError(str(error)) from error
    holder = holder_of(home / LOCK_FILE)
    if holder is None:
        tell(f"No gateway works in {home}; one is started to leave. Ctrl-C stops it, and it leaves the next time.")
        become("smgw", config, None, "--leave")
    try:
        os.kill(holder, signal.SIGUSR1)
    except PermissionError as error:
        raise LauncherError(f"Process {holder} in {home} belongs to another account. Run this as that one.") from error
    tell(f"The gateway in {home} (process {holder}) leaves; it ends when the provider has confirmed.")
    return 0 if _ends(home / LOCK_FILE, within_s, tell) else 1


def holder_of(lock_file: Path) -> int | None:
    """The process that holds this lock now; None when nobody does.

    Raises:
        LauncherError: The file cannot be read.
    """
    try:
        descriptor = os.open(lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LauncherError(
            f"{lock_file} cannot be read: {error.strerror}. Run this as the gateway's account."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(descriptor, 20, 0))
    finally:
        os.close(descriptor)
    return None


def _ends(lock_file: Path, within_s: float, tell: Callable[[str], None]) -> bool:
    give_up_s = time.monotonic() + within_s
    while holder_of(lock_file) is not None:
        if time.monotonic() > give_up_s:
            tell(f"It has not ended within {within_s:g} s. It goes on trying; look at its log.")
            return False
        time.sleep(_POLL_S)
    tell("It has ended.")
    return True
