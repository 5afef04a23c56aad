"""The handshake in which the two ends of a tunnel agree on the seed of their edge.

Four messages, relayed by the provider, each inside a frame that its sender signs with its Ed25519 identity:

    1  initiator -> responder   ephemeral key
    2  responder -> initiator   ephemeral key | transcript | sealed(client identifier)
    3  initiator -> responder   transcript | sealed(client identifier, day)
    4  responder -> initiator   sealed("the seed is stored")

Messages 2 and 3 carry the hash of everything said before, so each side signs the whole transcript (SIGMA), and the
seals confirm the key. The responder stores the seed before it sends message 4, the initiator before it reports the
edge. Source: docs/protocol.md, "Key agreement"; Krawczyk, SIGMA (CRYPTO 2003); RFC 7748; RFC 8439.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, final

from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt,
    crypto_aead_chacha20poly1305_ietf_encrypt,
    crypto_scalarmult,
    crypto_scalarmult_base,
)
from nacl.exceptions import CryptoError

from common.identifiers import ClientId, NetworkId, TunnelId
from common.masks import SEED_BYTES, Seed
from common.refusal import Refusal, RefusedError
from common.secret import Secret

HELLO: Final = 1
REPLY: Final = 2
CONFIRM: Final = 3
STORED: Final = 4

KEY_BYTES: Final = 32
HASH_BYTES: Final = 32
_STORED_WORD: Final = b"stored"


@dataclass(frozen=True, slots=True)
class Ends:
    """What both ends know of the tunnel before the first message: network, tunnel and the two identity keys."""

    network: NetworkId
    tunnel: TunnelId
    initiator_key: bytes
    responder_key: bytes

    def transcript(self, *messages: bytes) -> bytes:
        """The hash, 32 bytes, of the ends and of the messages so far."""
        digest = blake2b(digest_size=HASH_BYTES, person=b"dcnet handshake")
        digest.update(self.network.to_bytes(4) + self.tunnel.to_bytes(8) + self.initiator_key + self.responder_key)
        for message in messages:
            digest.update(len(message).to_bytes(2) + message)
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a handshake yields: the other end's client identifier and the seed of the edge."""

    peer: ClientId
    seed: Seed


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

    def __init__(self, ends: Ends, client: ClientId, ephemeral: Secret) -> None:
        """`ephemeral` is 32 fresh random bytes, used for this tunnel only."""
        self._ends = ends
        self._client = client
        self._ephemeral = ephemeral
        self.hello: Final = crypto_scalarmult_base(ephemeral.reveal())
        self._keys: _Keys | None = None
        self._transcript = b""
        self._agreed: Agreed | None = None

    def confirm(self, reply: bytes, day: int) -> bytes:
        """Check message 2 and make message 3; the seed counts from `day`.

        Raises:
            RefusedError: BAD_HANDSHAKE.
        """
        _require(len(reply) > KEY_BYTES + HASH_BYTES and self._keys is None)
        public, said = reply[:KEY_BYTES], reply[KEY_BYTES : KEY_BYTES + HASH_BYTES]
        transcript = self._ends.transcript(self.hello, public)
        _require(said == transcript)
        keys = _Keys(self._ephemeral, public, transcript)
        peer = _open(keys.responder, REPLY, transcript, reply[KEY_BYTES + HASH_BYTES :])
        _require(len(peer) == 4)
        self._agreed = Agreed(ClientId(int.from_bytes(peer)), Seed(day, keys.seed))
        self._keys = keys
        self._transcript = self._ends.transcript(self.hello, reply)
        payload = self._client.to_bytes(4) + day.to_bytes(4)
        return self._transcript + _seal(keys.initiator, CONFIRM, self._transcript, payload)

    def finish(self, stored: bytes) -> Agreed:
        """Check message 4: the other end has stored the seed.

        Raises:
            RefusedError: BAD_HANDSHAKE.
        """
        if self._keys is None or self._agreed is None:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        _require(_open(self._keys.responder, STORED, self._transcript, stored) == _STORED_WORD)
        return self._agreed


@final
class Responder:
    """The end that was drawn."""

    def __init__(self, ends: Ends, client: ClientId, ephemeral: Secret) -> None:
        """`ephemeral` is 32 fresh random bytes, used for this tunnel only."""
        self._ends = ends
        self._client = client
        self._ephemeral = ephemeral
        self._keys: _Keys | None = None
        self._transcript = b""

    def reply(self, hello: bytes) -> bytes:
        """Take message 1 and make message 2.

        Raises:
            RefusedError: BAD_HANDSHAKE.
        """
        _require(len(hello) == KEY_BYTES and self._keys is None)
        public = crypto_scalarmult_base(self._ephemeral.reveal())
        transcript = self._ends.transcript(hello, public)
        self._keys = _Keys(self._ephemeral, hello, transcript)
        sealed = _seal(self._keys.responder, REPLY, transcript, self._client.to_bytes(4))
        reply = public + transcript + sealed
        self._transcript = self._ends.transcript(hello, reply)
        return reply

    def agree(self, confirm: bytes) -> tuple[Agreed, bytes]:
        """Check message 3; what is agreed must be stored before message 4, which is returned with it, is sent.

        Raises:
            RefusedError: BAD_HANDSHAKE.
        """
        if self._keys is None:
            raise RefusedError(Refusal.BAD_HANDSHAKE)
        _require(confirm[:HASH_BYTES] == self._transcript)
        payload = _open(self._keys.initiator, CONFIRM, self._transcript, confirm[HASH_BYTES:])
        _require(len(payload) == 8)
        peer, day = ClientId(int.from_bytes(payload[:4])), int.from_bytes(payload[4:])
        stored = _seal(self._keys.responder, STORED, self._transcript, _STORED_WORD)
        return Agreed(peer, Seed(day, self._keys.seed)), stored
