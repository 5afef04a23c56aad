"""The bus in virtual time: a broker with persistent sessions and retained messages, and one connection per client.

It models what the real one does: QoS 1 repeats after a broken connection, a session queues while its client is away,
retained messages come with each subscription. What one client says arrives late or reordered only at the others: of two
retained messages the broker keeps the later one. Source: MQTT 3.1.1, sections 3.1.2.4, 3.3.1.3, 4.4; broker/bus.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Protocol, final

from launcher.simulation.pipes import Fates, Letter, Pipe
from launcher.simulation.timeline import Timeline
from launcher.simulation.trace import Trace, label


class Client(Protocol):
    """A process on the bus. Whatever it is told while it does not run, it ignores."""

    def on_connected(self) -> None:
        """The bus is there."""

    def on_disconnected(self) -> None:
        """The bus is gone."""

    def on_message(self, letter: Letter) -> None:
        """A message has come; `is_retained` when the broker had kept it."""


@dataclass(slots=True)
class _Port:
    """One client's connection: `wanted` is what the client subscribes to, `session` what the broker knows of it."""

    client: Client
    up: Pipe
    down: Pipe
    wanted: dict[str, None]
    session: dict[str, None]
    is_running: bool = False
    is_cut: bool = False


@lru_cache(maxsize=65_536)
def _filters(topic: str) -> tuple[str, ...]:
    """All filters with `+` in any of their levels that match this topic."""
    return tuple("/".join(levels) for levels in product(*((level, "+") for level in topic.split("/"))))


@final
class Bus:
    """The broker and all connections. `watch` is shown every message that reaches the broker."""

    def __init__(self, timeline: Timeline, fates: Fates, trace: Trace, watch: Callable[[bytes], None]) -> None:
        self._timeline = timeline
        self._fates = fates
        self._trace = trace
        self._watch = watch
        self._ports: dict[str, _Port] = {}
        self._subscribers: dict[str, dict[str, None]] = {}
        self._routes: dict[str, tuple[str, ...]] = {}
        self._retained: dict[str, Letter] = {}
        self._handed_in = 0
        self._is_running = True

    def attach(self, name: str, client: Client, *, is_lossless: bool = False) -> None:
        """Make a connection known; it does not stand yet. What a lossless client sends is not dropped."""
        up = Pipe(self._timeline, self._fates, lambda letter: self._arrive(name, letter), lambda: self._break(name))
        down = Pipe(self._timeline, self._fates, client.on_message, lambda: self._break(name))
        up.is_lossless = is_lossless
        self._ports[name] = _Port(client, up, down, {}, {})

    def start(self, name: str) -> None:
        """The client's process runs, and connects soon."""
        port = self._ports[name]
        port.is_running = True
        port.wanted = {}
        self._connect_soon(name)

    def kill(self, name: str) -> None:
        """The client's process is gone, and what it had not sent with it. The broker keeps the session."""
        port = self._ports[name]
        port.is_running = False
        port.up.clear()
        port.down.cut()

    def subscribe(self, name: str, topic_filter: str) -> None:
        """What a client wants from now on, over reconnects too."""
        port = self._ports[name]
        port.wanted[topic_filter] = None
        if port.up.is_open:
            self._subscribe(name, port, topic_filter)

    def publish(self, name: str, letter: Letter) -> None:
        """A client hands in a message."""
        self._handed_in += 1
        numbered = Letter(letter.topic, letter.payload, letter.is_retained, letter.expires_at, self._handed_in)
        self._ports[name].up.send(numbered)

    def cut(self, name: str) -> None:
        """The client's connection breaks, until `mend`."""
        port = self._ports[name]
        port.is_cut = True
        self._disconnect(port)

    def mend(self, name: str) -> None:
        """The client can connect again."""
        self._ports[name].is_cut = False
        self._connect_soon(name)

    def stop_broker(self, *, keeps_sessions: bool, keeps_retained: bool) -> None:
        """The broker stops, and may forget what it kept."""
        self._trace.say("broker", f"stops, keeps sessions {keeps_sessions}, retained {keeps_retained}")
        self._is_running = False
        for port in self._ports.values():
            self._disconnect(port)
            if not keeps_sessions:
                port.session = {}
                port.down.clear()
        if not keeps_sessions:
            self._subscribers.clear()
            self._routes.clear()
        if not keeps_retained:
            self._retained.clear()

    def start_broker(self) -> None:
        """The broker runs again; the clients connect within seconds."""
        self._trace.say("broker", "starts")
        self._is_running = True
        for name in self._ports:
            self._connect_soon(name)

    def _connect_soon(self, name: str) -> None:
        self._timeline.after(1 + int(self._fates.rng.random() ** 2 * 3_000), lambda: self._connect(name))

    def _connect(self, name: str) -> None:
        port = self._ports[name]
        if port.up.is_open or port.is_cut or not port.is_running or not self._is_running:
            return
        port.up.open()
        for topic_filter in port.wanted:
            self._subscribe(name, port, topic_filter)
        port.down.open()
        port.client.on_connected()

    def _break(self, name: str) -> None:
        self._disconnect(self._ports[name])
        self._connect_soon(name)

    def _disconnect(self, port: _Port) -> None:
        if port.up.is_open:
            port.down.cut()
            port.up.cut()
            port.client.on_disconnected()

    def _subscribe(self, name: str, port: _Port, topic_filter: str) -> None:
        port.session[topic_filter] = None
        known = self._subscribers.setdefault(topic_filter, {})
        if name not in known:
            known[name] = None
            self._routes.clear()
        for topic, letter in self._retained.items():
            if topic_filter in _filters(topic):
                port.down.send(Letter(topic, letter.payload, is_retained=True))

    def _arrive(self, name: str, letter: Letter) -> None:
        """A message has reached the broker."""
        if self._trace.is_on:
            self._trace.say("broker", f"{name} {letter.topic} {label(letter.payload)}")
        self._watch(letter.payload)
        kept = self._retained.get(letter.topic)
        if letter.is_retained and (kept is None or kept.number <= letter.number):
            self._retained[letter.topic] = letter
        forwarded = Letter(letter.topic, letter.payload)
        for subscriber in self._route(letter.topic):
            self._ports[subscriber].down.send(forwarded)

    def _route(self, topic: str) -> tuple[str, ...]:
        """Who subscribes to this topic; remembered until somebody subscribes or a session is lost."""
        route = self._routes.get(topic)
        if route is None:
            subscribers = self._subscribers
            route = tuple(name for known in _filters(topic) for name in subscribers.get(known, ()))
            self._routes[topic] = route
        return route
