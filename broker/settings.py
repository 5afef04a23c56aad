"""Settings of the bus: the broker's process and limits, and the client's connection; and kinds of values for all.

The bounds keep out values that lose messages (mosquitto.conf(5) names the options).
"""

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

PAYLOAD_BYTES_MAX: Final = 24 + 65_535 + 64
"""The largest frame: header, data, signature (docs/protocol.md, "Frames")."""

KEEPALIVE_S_MAX: Final = 3_600
"""The longest keep-alive that the broker grants."""

Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")]
"""A host name or an address; no blank or line break, since it goes into a line of the configuration."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
"""A name on the bus: 1 to 32 characters of a-z, 0-9 and -."""


def _absolute(path: Path) -> Path:
    if not path.is_absolute() and path.parts[:1] != ("~",):
        raise ValueError(f"{path} must be an absolute path, such as /var/lib/dcnet/home, or begin with ~/")
    return path.expanduser()


HomePath = Annotated[Path, AfterValidator(_absolute)]
"""A home directory: absolute, since nobody knows from where a service is started."""


class BrokerSettings(BaseModel):
    """How Mosquitto is started, and what it may hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Host = Field("127.0.0.1", description="Interface to listen on; 0.0.0.0 for gateways elsewhere")
    port: int = Field(0, ge=0, le=65_535, description="TCP port; 0 takes a free one")
    mosquitto: Path | None = Field(None, description="The program, when it is neither in PATH nor in /usr/sbin")
    account: str | None = Field(
        None,
        pattern=r"^[a-z_][a-z0-9_-]{0,31}$",
        description="Account to run it as, when started by root; default: the account that starts it",
    )
    start_within_s: float = Field(10, gt=0, le=120, description="Limit for the start, until it answers a CONNECT")
    stop_within_s: float = Field(10, gt=0, le=120, description="Limit for an orderly end, then it is killed")
    max_connections: int = Field(20_000, ge=1, le=1_000_000, description="Clients at a time")
    max_inflight_messages: int = Field(1_000, ge=100, le=65_535, description="Unacknowledged messages per client")
    max_queued_messages: int = Field(100_000, ge=1_000, le=10_000_000, description="Waiting messages per client")
    max_queued_bytes: int = Field(128 << 20, ge=1 << 20, lt=1 << 31, description="Waiting bytes per client")
    payload_bytes_max: int = Field(PAYLOAD_BYTES_MAX, ge=1_024, le=1 << 24, description="Largest payload")
    memory_bytes_max: int = Field(1 << 30, ge=1 << 24, lt=1 << 40, description="Memory for sessions and messages")
    messages_per_minute_max: int = Field(
        10_000, ge=100, le=10_000_000, description="A client that sends more is denied everything from then on"
    )
    autosave_s: int = Field(15, ge=10, le=30, description="Interval of saving sessions and retained messages")
    session_expiry_days: int = Field(30, ge=1, le=365, description="Days after which an absent client is forgotten")
    look_every_s: float = Field(10, gt=0, le=3_600, description="How often newer certificates and lists are looked for")


class BusSettings(BaseModel):
    """How a client reaches the broker, and how long it keeps what it could not send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Host = Field("127.0.0.1", description="The broker's host")
    port: int = Field(8883, ge=1, le=65_535, description="The broker's TCP port")
    keep_session: bool = Field(True, description="Whether the broker keeps what comes while the client is away")
    keepalive_s: int = Field(
        30, ge=5, le=KEEPALIVE_S_MAX, description="A connection silent for 1.5 times this is given up"
    )
    answer_within_s: float = Field(
        5, gt=0, le=60, description="Limit for CONNACK, SUBACK and PUBACK; then the connection is given up"
    )
    reconnect_first_s: float = Field(
        0.5, gt=0, le=60, description="Longest first wait before connecting again; drawn from a fifth of it upward"
    )
    reconnect_max_s: float = Field(30, gt=0, le=3_600, description="Where the doubling of that wait ends")
    send_window: int = Field(
        64, ge=1, le=500, description="Publishes that wait for their PUBACK at a time; above 100 each costs more CPU"
    )
    outbox_messages_max: int = Field(100_000, ge=1, le=10_000_000, description="Messages kept until acknowledged")
    outbox_bytes_max: int = Field(256 << 20, ge=1 << 16, le=1 << 34, description="Their payloads together")
    expires_in_s: float = Field(900, gt=0, le=86_400, description="How long a message is kept if it says nothing")
    payload_bytes_max: int = Field(PAYLOAD_BYTES_MAX, ge=1_024, le=1 << 24, description="The broker's limit")
    close_within_s: float = Field(2, ge=0, le=60, description="What is still in the outbox at the end gets this long")
