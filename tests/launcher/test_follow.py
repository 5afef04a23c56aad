from broker.events import Connected, Message
from common import topics
from launcher.follow import Silence, describe

SOMETHING = Message(topics.presence("provider"), b"online", retained=True)


def test_an_inspector_to_whom_nothing_comes_is_asked_once_whether_the_provider_knows_the_name() -> None:
    silence = Silence("inspector-2", since_s=100)
    assert silence.hint([Connected()], 100) is None
    assert silence.hint([], 109.9) is None
    hint = silence.hint([], 110)
    assert hint is not None
    assert "Is inspector-2 in `inspectors` of [broker] in the provider's settings" in hint
    assert silence.hint([], 120) is None


def test_an_inspector_to_whom_something_came_is_asked_nothing() -> None:
    silence = Silence("inspector", since_s=100)
    assert silence.hint([SOMETHING], 101) is None
    assert silence.hint([], 200) is None


def test_the_presence_of_the_provider_is_shown_as_its_text() -> None:
    shown = describe(SOMETHING, bytes(32))
    assert shown == {"topic": "dcnet/1/presence/provider", "retained": True, "presence": "online"}
