"""Flower's SecAgg+ on the work of a meter: a script for the environment of `flower.txt`, alone and without a network.

It runs Flower's own `SecAggPlusWorkflow` at the server and its own `secaggplus_mod` at each meter. Only the grid
between them is ours: it carries every message as the bytes that Flower would send and adds up whose CPU it was.
Prints a JSON object a line: first the versions, then one for each round, as `child.py` reads them.

Flower adds numbers of at most 32 bits. A lane of 64 bits is cut into limbs so short that the sum of all meters fits,
and the range is chosen such that its quantization changes no value, so that the sum is exact.

Flower can repair a round only when a meter goes after it handed out its shares, so that is when meters go missing here.
`--absent` makes one meter silent from the first message instead.
"""

import argparse
import json
import logging
import random
import sys
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Final

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Error, Message, RecordDict
from flwr.client.mod import secaggplus_mod
from flwr.common import Code, FitRes, Status, ndarrays_to_parameters
from flwr.common.serde import message_from_proto, message_to_proto
from flwr.compat.common.recorddict_compat import fitres_to_recorddict
from flwr.proto.message_pb2 import Message as Packet
from flwr.server import LegacyContext
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD, Key
from flwr.supercore.task_identity import TaskIdentity

LANES: Final = 3
LANE_BITS: Final = 64
SUM_BITS: Final = 32
"""Flower's largest modulus is 2^32."""
VECTOR_STAGE: Final = 2
"""The stage that collects the masked readings, after keys (0) and shares (1)."""
PACKAGES: Final = ("flwr", "numpy", "cryptography", "pycryptodome")


class Meter:
    """Flower's client: its modifier, its context, and a reading instead of a model."""

    def __init__(self, number: int, reading: Sequence[int], limb_bits: int) -> None:
        self.number = number
        self.reading = reading
        self.limb_bits = limb_bits
        self.context = Context(0, number, {}, RecordDict(), {})

    def answer(self, packet: bytes) -> bytes:
        """From the server's bytes to the meter's; what Flower refuses becomes its error message."""
        message = message_from_proto(Packet.FromString(packet))
        try:
            reply = secaggplus_mod(message, self.context, self.fit)
        except (KeyError, ValueError) as error:
            reply = Message(Error(0, repr(error)), reply_to=message)
        return bytes(message_to_proto(reply).SerializeToString())

    def fit(self, message: Message, _context: Context) -> Message:
        """What Flower asks for between the stages: here the limbs of the reading, shifted to be centered on zero."""
        limbs = [
            float((lane >> shift & (1 << self.limb_bits) - 1) - (1 << self.limb_bits - 1))
            for lane in self.reading
            for shift in range(0, LANE_BITS, self.limb_bits)
        ]
        fitted = FitRes(Status(Code.OK, ""), ndarrays_to_parameters([np.array(limbs)]), 1, {})
        return Message(fitres_to_recorddict(fitted, False), reply_to=message)


class Hall:
    """Flower's grid in one process: carries messages as bytes, keeps meters from answering, and counts."""

    def __init__(self, meters: dict[int, Meter], gone: set[int], gone_from_stage: int) -> None:
        self.meters = meters
        self.gone = gone
        self.gone_from_stage = gone_from_stage
        self.stage = 0
        self.meter_s: dict[int, float] = dict.fromkeys(meters, 0.0)
        self.up_bytes = dict.fromkeys(meters, 0)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        """Play one stage. Who is gone gives no reply, as after the timeout; nobody waits for it here."""
        del timeout
        replies: list[Message] = []
        for message in messages:
            number = message.metadata.dst_node_id
            packet = message_to_proto(message).SerializeToString()
            if number in self.gone and self.stage >= self.gone_from_stage:
                continue
            before = time.process_time()
            answer = self.meters[number].answer(packet)
            self.meter_s[number] += time.process_time() - before
            self.up_bytes[number] += len(answer)
            replies.append(message_from_proto(Packet.FromString(answer)))
        self.stage += 1
        return replies


class Complaints(logging.Handler):
    """Keeps what Flower logs as an error: it says there why it halted."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text."""
        self.texts.append(record.getMessage())


class Proxy:
    """The server's name for a meter."""

    def __init__(self, number: int) -> None:
        self.cid = str(number)
        self.node_id = number


def context_of(numbers: Iterable[int]) -> LegacyContext:
    """The server's state at the start of a round: everybody is available, and no model is sent."""
    context = LegacyContext(Context(0, 0, {}, RecordDict(), {}))
    for number in numbers:
        context.client_manager.register(Proxy(number))
    context.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({Key.CURRENT_ROUND: 1})
    context.state.array_records[MAIN_PARAMS_RECORD] = ArrayRecord()
    return context


def sums_of(context: LegacyContext, count: int, limb_bits: int) -> list[int]:
    """The lanes from Flower's mean of the limbs."""
    (mean,) = context.state.array_records[MAIN_PARAMS_RECORD].to_numpy_ndarrays()
    half = 1 << limb_bits - 1
    limbs = [round(float(limb) * count) + half * count for limb in mean]
    per_lane = len(limbs) // LANES
    lanes = [limbs[start : start + per_lane] for start in range(0, len(limbs), per_lane)]
    return [sum(limb << limb_bits * place for place, limb in enumerate(lane)) for lane in lanes]


def play(options: argparse.Namespace, dropout: float, complaints: Complaints) -> dict[str, object]:
    """One round from the keys to the sum, with as many meters missing as the share says.

    Raises:
        SystemExit: the sum is not that of the meters that stayed.
    """
    limb_bits = SUM_BITS - options.size.bit_length()
    numbers = random.sample(range(1, 1 << 63), options.size)
    readings = {number: [random.getrandbits(LANE_BITS) for _ in range(LANES)] for number in numbers}
    gone = set(numbers[: 1 if options.absent else round(dropout * options.size)])
    meters = {number: Meter(number, reading, limb_bits) for number, reading in readings.items()}
    hall, context = Hall(meters, gone, 0 if options.absent else VECTOR_STAGE), context_of(numbers)
    workflow = SecAggPlusWorkflow(
        options.shares,
        options.threshold,
        max_weight=1.0,
        clipping_range=float(1 << limb_bits - 1),
        quantization_range=1 << limb_bits,
        modulus_range=1 << SUM_BITS,
    )
    complaints.texts.clear()
    before = time.process_time()
    workflow(hall, context)
    spent_s = time.process_time() - before
    is_finished = not complaints.texts
    stayed = [number for number in numbers if number not in gone]
    if is_finished:
        true = [sum(readings[number][lane] for number in stayed) for lane in range(LANES)]
        if sums_of(context, len(stayed), limb_bits) != true:
            raise SystemExit("the sum is wrong")
    return {
        "dropout": dropout,
        "is_finished": is_finished,
        "why": "; ".join(complaints.texts),
        "meter_cpu_s": sum(hall.meter_s[number] for number in stayed) / len(stayed),
        "server_cpu_s": spent_s - sum(hall.meter_s.values()),
        "up_bytes": round(sum(hall.up_bytes[number] for number in stayed) / len(stayed)),
    }


def say(found: dict[str, object]) -> None:
    """One line for the benchmark, at once: it may stop listening at any moment."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Play the rounds: every share of missing meters once, then all again."""
    parser = argparse.ArgumentParser(description="Flower SecAgg+ on the work of a meter.")
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--dropouts", type=float, nargs="+", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--shares", type=int, required=True)
    parser.add_argument("--threshold", type=int, required=True)
    parser.add_argument("--absent", action="store_true")
    options = parser.parse_args()
    # Flower gives every message the names of its run, server and task; without a network there is one of each.
    TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1
    complaints = Complaints()
    logger = logging.getLogger("flwr")
    logger.handlers = [complaints]
    say({"versions": {name: version(name) for name in PACKAGES}})
    for _ in range(options.rounds):
        for dropout in options.dropouts:
            say(play(options, dropout, complaints))


if __name__ == "__main__":
    main()
