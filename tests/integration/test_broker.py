import asyncio
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from broker.mosquitto import Broker
from broker.probe import answers
from broker.program import BrokerError
from broker.settings import BrokerSettings
from broker.tls import client_context
from tests.credentials import Administrator, shared
from tests.integration.conftest import ACCESS, eventually

pytestmark = pytest.mark.integration

HOLD_A_BROKER = """
import asyncio, pathlib, sys
from broker.access import Access
from broker.mosquitto import Broker
from broker.settings import BrokerSettings

async def main():
    directory, credentials = map(pathlib.Path, sys.argv[1:])
    async with Broker(BrokerSettings(), directory, credentials, Access("provider", ())) as broker:
        print(broker.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def started(settings: BrokerSettings, directory: Path) -> Broker:
    return Broker(settings, directory, shared().broker(), ACCESS)


async def is_answering(broker: Broker) -> bool:
    context = client_context(shared().gateway("somebody"))
    return await answers(broker.host, broker.port, context, "somebody", 5) is not None


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_it_answers_when_entered_and_is_gone_when_left(tmp_path: Path) -> None:
    async with started(BrokerSettings(), tmp_path / "broker") as broker:
        pid = broker.pid
        assert pid is not None
        assert broker.version >= (2, 0, 11)
        assert await is_answering(broker)
    assert not is_alive(pid)
    assert (tmp_path / "broker" / "mosquitto.db").exists()


async def test_it_listens_on_loopback_only(mosquitto: Broker) -> None:
    assert mosquitto.pid is not None
    assert {c.laddr.ip for c in psutil.Process(mosquitto.pid).net_connections() if c.status == "LISTEN"} == {
        "127.0.0.1"
    }


async def test_it_may_open_as_many_files_as_allowed_and_has_its_own_session(mosquitto: Broker) -> None:
    assert mosquitto.pid is not None
    soft, hard = psutil.Process(mosquitto.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft == hard
    assert os.getsid(mosquitto.pid) == mosquitto.pid


async def test_its_files_are_for_its_account_alone(mosquitto: Broker) -> None:
    assert mosquitto.log_file.parent.stat().st_mode & 0o077 == 0


async def test_killed_broker_is_told_and_started_again_on_its_port(mosquitto: Broker) -> None:
    port, pid = mosquitto.port, mosquitto.pid
    assert pid is not None
    async with asyncio.timeout(10):
        async with asyncio.TaskGroup() as group:
            told = group.create_task(mosquitto.exited())
            await asyncio.sleep(0)
            os.kill(pid, signal.SIGKILL)
    assert told.result() == "killed by SIGKILL"
    await eventually(lambda: mosquitto.restarts == 1)
    assert mosquitto.port == port
    assert mosquitto.pid not in {None, pid}
    assert await is_answering(mosquitto)


async def test_stopped_broker_is_killed_after_its_limit(tmp_path: Path) -> None:
    async with started(BrokerSettings(stop_within_s=0.2), tmp_path / "broker") as broker:
        assert broker.pid is not None
        process = psutil.Process(broker.pid)
        process.suspend()
    assert not is_alive(process.pid)


async def test_port_held_by_something_else_is_named(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(BrokerError, match=rf"Port {port} on 127\.0\.0\.1 is in use already.*ss -ltnp"):
            async with started(BrokerSettings(port=port), tmp_path / "broker"):
                pass
    assert set(psutil.Process().children()) <= before


async def test_port_held_by_another_broker_is_not_mistaken_for_ours(mosquitto: Broker, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=f"Port {mosquitto.port}"):
        async with started(BrokerSettings(port=mosquitto.port), tmp_path / "second"):
            pass


@pytest.mark.parametrize("octets", [b"no database", b"\0\xb5\0mosquitto db" + bytes(20)])
async def test_damaged_database_is_set_aside_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, octets: bytes
) -> None:
    directory = tmp_path / "broker"
    for number in (1, 2):
        directory.mkdir(mode=0o700, exist_ok=True)
        (directory / "mosquitto.db").write_bytes(octets)
        async with started(BrokerSettings(), directory) as broker:
            assert await is_answering(broker)
        assert (directory / f"mosquitto.db.damaged-{number}").read_bytes() == octets
        assert f"mosquitto.db is damaged and was renamed to mosquitto.db.damaged-{number}. " in caplog.text
    assert (directory / "mosquitto.db").stat().st_size > len(octets)


async def test_second_broker_in_one_directory_is_refused(mosquitto: Broker) -> None:
    directory = mosquitto.log_file.parent
    with pytest.raises(BrokerError, match=rf"Another process \({os.getpid()}\) works in {directory}\. Stop it first"):
        async with started(BrokerSettings(), directory):
            pass
    assert await is_answering(mosquitto)


async def test_directory_is_free_again_after_a_failed_start(tmp_path: Path, mosquitto: Broker) -> None:
    for settings in (BrokerSettings(port=mosquitto.port), BrokerSettings(port=mosquitto.port)):
        with pytest.raises(BrokerError, match=f"Port {mosquitto.port}"):
            async with started(settings, tmp_path / "second"):
                pass
    async with started(BrokerSettings(), tmp_path / "second"):
        pass


async def test_failed_start_quotes_the_log(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"does not start.*mosquitto\.log:\n(.*\n)*.*Cannot assign requested address"):
        async with started(BrokerSettings(host="192.0.2.1", port=1_884), tmp_path / "broker"):
            pass


async def test_old_mosquitto_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "mosquitto"
    program.write_text("#!/bin/sh\necho mosquitto version 1.6.12\n")
    program.chmod(0o755)
    with pytest.raises(BrokerError, match=r"1\.6\.12; 2\.0\.11 or newer"):
        async with started(BrokerSettings(mosquitto=program), tmp_path / "broker"):
            pass


async def test_canceled_start_leaves_no_process(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    program = tmp_path / "mosquitto"
    program.write_text('#!/bin/sh\n[ "$1" = -h ] && echo mosquitto version 2.0.11 && exit\nexec sleep 1000\n')
    program.chmod(0o755)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), started(BrokerSettings(mosquitto=program), tmp_path / "broker"):
            pass
    assert set(psutil.Process().children()) <= before


async def test_killed_parent_leaves_no_mosquitto(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD_A_BROKER, tmp_path / "broker", shared().broker(), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(20):
        pid = int(await parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    await parent.communicate()
    await eventually(lambda: not is_alive(pid))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as another account")
async def test_root_can_run_it_as_another_account() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)  # noqa: PTH101
        credentials = Administrator(Path(place)).broker()
        async with Broker(BrokerSettings(account="nobody"), Path(place) / "broker", credentials, ACCESS) as broker:
            assert broker.pid is not None
            assert psutil.Process(broker.pid).username() == "nobody"
            assert (credentials / "identity.key").stat().st_mode & 0o077 == 0
