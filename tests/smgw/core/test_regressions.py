"""What the simulation found in the member machine; the seeds are in tests/simulation."""

from common import topics
from common.frames import Notification
from common.schedule import DAY_MS
from smgw.core.events import Connected, Publish, Subscribe, VaultContents
from tests.smgw.core.builders import NETWORK, START, Bench, contents, published


def test_a_clock_set_back_by_a_day_does_not_put_off_the_next_request_by_a_day() -> None:
    bench = Bench(VaultContents(), now_ms=START)
    bench.handle(Connected())
    bench.tick(START - DAY_MS)
    deadline = bench.member.deadline
    assert deadline is not None
    assert deadline <= START - DAY_MS + 120_000


def test_a_member_that_never_got_the_rules_subscribes_again_when_it_asks() -> None:
    bench = Bench(contents(), now_ms=START)
    bench.handle(Connected())
    effects = bench.run(START + 10_000)
    assert Subscribe(topics.broadcast_filter(NETWORK)) in effects
    assert Notification.RESUME in published(effects)
    assert effects.index(Subscribe(topics.broadcast_filter(NETWORK))) < next(
        index for index, effect in enumerate(effects) if isinstance(effect, Publish)
    )
