"""Plain MQTT clients, as an attacker has them: mosquitto_pub and mosquitto_sub with whatever credentials and names.

Nothing here waits for what does not come. Whoever listens has a persistent session, in which the broker keeps what it
grants in its order; behind each attack a message is published that does come, and has to be the first one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from broker.mosquitto import Broker
from broker.probe import connect_packet
from broker.tls import client_context
from tests.integration.conftest import eventually

WITHIN_S: Final = 10
NOTHING: Final = "nothing/at/all"
"""A topic on which nobody publishes."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A client of the broker with the credentials in `directory`; `name` is the client identifier that it claims."""

    broker: Broker
    directory: Path
    name: str

    async def publish(self, topic: str, payload: str, *options: str) -> int:
        """Publish at QoS 1 unless the options say otherwise; 0 is a success, as far as this side can tell."""
        message = [] if "-f" in options or "-n" in options else ["-m", payload]
        status, _ = await self._run("mosquitto_pub", "-t", topic, *message, *options)
        return status

    async def listen(self, *filters: str) -> int:
        """Subscribe in a persistent session, and leave it."""
        status, _ = await self._run("mosquitto_sub", "-c", "-E", *_each("-t", filters))
        return status

    async def heard(self, count: int) -> list[str]:
        """The first messages of that session, each as `topic payload`; fewer when no more come in time."""
        _, output = await self._run("mosquitto_sub", "-c", "-C", str(count), "-W", "5", "-F", "%t %p", "-t", NOTHING)
        return output.splitlines()

    async def read(self, count: int, *filters: str) -> list[str]:
        """The first messages that come at once, retained ones in the order of the filters, without a session."""
        _, output = await self._run("mosquitto_sub", "-C", str(count), "-W", "5", "-F", "%t %p", *_each("-t", filters))
        return output.splitlines()

    async def stay(self, *options: str) -> asyncio.subprocess.Process:
        """A connection that lasts until somebody ends it; when this returns, the broker has admitted it."""
        admitted = self._admissions()
        process = await asyncio.create_subprocess_exec(
            "mosquitto_sub", *self._credentials(), *options, stdout=asyncio.subprocess.DEVNULL
        )
        await eventually(lambda: self._admissions() > admitted)
        return process

    async def flood(self, topic: str) -> NoReturn:
        """Publish at QoS 0 as fast as the broker takes it, until canceled."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.broker.port, ssl=client_context(self.directory))
        body = len(topic).to_bytes(2, "big") + topic.encode() + bytes(64)
        try:
            writer.write(connect_packet(self.name))
            while True:
                writer.write((b"\x30" + bytes((len(body),)) + body) * 200)
                await writer.drain()
        finally:
            writer.transport.abort()

    def _admissions(self) -> int:
        """How often the broker has admitted the owner of these credentials."""
        return self.broker.log_file.read_text().count(f" as {client_context(self.directory).name} (")

    async def _run(self, program: str, *arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            program,
            *self._credentials(),
            *([] if "-q" in arguments else ["-q", "1"]),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(WITHIN_S):
            output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(errors="replace")

    def _credentials(self) -> Sequence[str]:
        return [
            *("-h", "127.0.0.1", "-p", str(self.broker.port), "-i", self.name),
            *("--cafile", str(self.directory / "authority.pem")),
            *("--cert", str(self.directory / "certificate.pem")),
            *("--key", str(self.directory / "identity.key")),
        ]


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]
