"""The handshake in which the two ends of a tunnel agree on the seed of their edge.

Four messages, relayed by the provider, each inside a frame that its sender signs with its Ed25519 identity:

    1  initiator -> responder   ephemeral key
    2  responder -> initiator   ephemeral key | transcript | sealed(held tunnel, certificate)
    3  initiator -> responder   transcript | sealed(day, held tunnel, opening of the drawn slot, certificate)
    4  responder -> initiator   sealed("the seed is stored")

Messages 2 and 3 carry the hash of everything said before, beginning with both leaves of the roster, so each side signs
the whole transcript and everything that it took for true of the other (SIGMA); the seals confirm the key. What the
introductions say is checked by the caller, before the slot is opened and before the seed is used. The responder stores
the seed before it sends message 4, the initiator before it reports the edge. Source: docs/protocol.md, "Key
agreement"; Krawczyk, SIGMA (CRYPTO 2003); RFC 7748; RFC 8439.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from struct import Struct
from typing import Final, final

from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt,
    crypto_aead_chacha20poly1305_ietf_encrypt,
    crypto_scalarmult,
    crypto_scalarmult_base,
)
from nacl.exceptions import CryptoError

from common.identifiers import NetworkId, TunnelId
from common.masks import SEED_BYTES, Seed
from common.refusal import Refusal, RefusedError
from common.roster import Leaf, RosterRoot
from common.secret import Secret
from common.tunnels import Kind

HELLO: Final = 1
REPLY: Final = 2
CONFIRM: Final = 3
STORED: Final = 4

KEY_BYTES: Final = 32
HASH_BYTES: Final = 32
NO_TUNNEL: Final = TunnelId(0)
_STORED_WORD: Final = b"stored"
_ENDS: Final = Struct(">IQBIII32s")
_OFFER: Final = Struct(">IQH")


@dataclass(frozen=True, slots=True)
class Ends:
    """What both ends know of the tunnel before the first message; they only agree when they know the same.

    `at` is the roster in which both leaves stand and against which the initiator drew, if it did.
    """

    network: NetworkId
    tunnel: TunnelId
    kind: Kind
    at: RosterRoot
    initiator: Leaf
    responder: Leaf

    def transcript(self, *messages: bytes) -> bytes:
        """The hash, 32 bytes, of the ends and of the messages so far."""
        digest = blake2b(digest_size=HASH_BYTES, person=b"dcnet handshake")
        at = self.at
        digest.update(_ENDS.pack(self.network, self.tunnel, self.kind, at.epoch, at.leaves, at.live, at.root))
        digest.update(self.initiator.encode() + self.responder.encode())
        for message in messages:
            digest.update(len(message).to_bytes(2) + message)
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Introduction:
    """What an end says of itself: its certificate (DER), and the tunnel of the edge that it has with the other, or 0.

    The initiator adds the day from which the seed counts, and the opening of its slot when it drew the responder.
    """

    certificate: bytes
    held: TunnelId = NO_TUNNEL
    day: int = 0
    opening: bytes = field(default=b"", repr=False)


@final
class _Keys:
    """Three keys out of one Diffie-Hellman value: the seed, and one for each direction of the tunnel."""

    def __init__(self, private: Secret, peer_public: bytes, transcript: bytes) -> None:
        try:
            shared = crypto_scalarmult(private.reveal(), peer_public)
        except RuntimeError as error:  # a point of low order gives zero
            raise RefusedError(Refusal.BAD_HANDSHAKE) from error
        root = blake2b(transcript, key=shared, digest_size=32, person=b"dcnet root").digest()
        self.seed: Final = Secret(blake2b(key=root, digest_size=SEED_BYTES, person=b"dcnet seed").digest())
        self.initiator: Final = Secret(blake2b(key=root, digest_size=32, person=b"dcnet tunnel i").digest())
        self.responder: Final = Secret(blake2b(key=root, digest_size=32, person=b"dcnet tunnel r").digest())


def _seal(key: Secret, step: int, transcript: bytes, message: bytes) -> bytes:
    return crypto_aead_chacha20poly1305_ietf_encrypt(message, transcript, step.to_bytes(12), key.reveal())


def _open(key: Secret, step: int, transcript: bytes, sealed: bytes) -> bytes:
    try:
        return crypto_aead_chacha20poly1305_ietf_decrypt(sealed, transcript, step.to_bytes(12), key.reveal())
    except (CryptoError, ValueError) as error:
        raise RefusedError(Refusal.BAD_HANDSHAKE) from error


def _require(is_good: bool) -> None:
    if not is_good:
        raise RefusedError(Refusal.BAD_HANDSHAKE)


@final
class Initiator:
    """The end that drew its neighbor and speaks first."""

    def __init__(self, ends: Ends, ephemeral: Secret) -> None:
        """`ephemeral` is 32 fresh random bytes, used for this tunnel only."""
        self._ends = ends
        self._ephemeral = ephemeral
        self.hello: Final = crypto_scalarmult_base(ephemeral.reveal())
        self._keys: _Keys | None = None
        self._transcript = b""
        self._day: int | None = None

    def meet(self, reply: bytes) -> Introduction:
        """Check message 2 and read who the responder says it is. Check that before anything else is said.

        Raises:
            RefusedError: BAD_HANDSHAKE.
        """
        _require(len(reply) > KEY_BYTES + HASH_BYTES and self._keys is None)
        public, said = reply[:KEY_BYTES], reply[KEY_BYTES : KEY_BYTES + HASH_BYTES]
        transcript = self._ends.transcript(self.hello, public)
        _require(said == transcript)
        keys = _Keys(self._ephemeral, public, transcript)
        payload = _open(keys.responder, REPLY, transcript, reply[KEY_BYTES + HASH_BYTES :])
        _require(len(payload) > 8)
        self._keys = keys
        self._transcript = self._ends.transcript(self.hello, reply)
        return Introduction(payload[8:], TunnelId(int.from_bytes(payload[:8])))

    def confirm(self, own: Introduction) -> bytes:
        """Make message 3, once what `meet` returned was found good.

        It is made once: a second one would be sealed under the same key and nonce. Who must repeat it keeps it.

        Raises:
            RefusedError: BAD_HANDSHAKE, when there was no message 2, or message 3 was made.
        """
        if self._keys is None or self._day is not None:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        self._day = own.day
        payload = _OFFER.pack(own.day, own.held, len(own.opening)) + own.opening + own.certificate
        return self._transcript + _seal(self._keys.initiator, CONFIRM, self._transcript, payload)

    def finish(self, stored: bytes) -> Seed:
        """Check message 4: the other end has stored the seed.

        Raises:
            RefusedError: BAD_HANDSHAKE.
        """
        if self._keys is None or self._day is None:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        _require(_open(self._keys.responder, STORED, self._transcript, stored) == _STORED_WORD)
        return Seed(self._day, self._keys.seed)


@final
class Responder:
    """The end that was drawn."""

    def __init__(self, ends: Ends, ephemeral: Secret) -> None:
        """`ephemeral` is 32 fresh random bytes, used for this tunnel only."""
        self._ends = ends
        self._ephemeral = ephemeral
        self._keys: _Keys | None = None
        self._transcript = b""

    def reply(self, hello: bytes, own: Introduction) -> bytes:
        """Take message 1 and make message 2.

        Raises:
            RefusedError: BAD_HANDSHAKE.
        """
        _require(len(hello) == KEY_BYTES and self._keys is None)
        public = crypto_scalarmult_base(self._ephemeral.reveal())
        transcript = self._ends.transcript(hello, public)
        self._keys = _Keys(self._ephemeral, hello, transcript)
        sealed = _seal(self._keys.responder, REPLY, transcript, own.held.to_bytes(8) + own.certificate)
        reply = public + transcript + sealed
        self._transcript = self._ends.transcript(hello, reply)
        return reply

    def meet(self, confirm: bytes) -> tuple[Introduction, Seed, bytes]:
        """Check message 3: who the initiator says it is, the seed, and message 4.

        What the initiator says must be checked before the seed is stored, and that before message 4 is sent.

        Raises:
            RefusedError: BAD_HANDSHAKE.
        """
        if self._keys is None:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        _require(confirm[:HASH_BYTES] == self._transcript)
        payload = _open(self._keys.initiator, CONFIRM, self._transcript, confirm[HASH_BYTES:])
        _require(len(payload) > _OFFER.size)
        day, held, length = _OFFER.unpack_from(payload)
        opening, certificate = payload[_OFFER.size :][:length], payload[_OFFER.size + length :]
        _require(len(certificate) > 0)
        stored = _seal(self._keys.responder, STORED, self._transcript, _STORED_WORD)
        return Introduction(certificate, TunnelId(held), day, opening), Seed(day, self._keys.seed), stored
