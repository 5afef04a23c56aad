"""An authority with one certificate and one revocation list, for the tests of the launcher."""

from broker.gwa.issuing import Issuer, Request, Term, issue_certificate, issue_revocations, make_authority
from common.certificates import Role, Subject
from common.secret import Secret
from common.signing import Identity

NOW_MS = 1_767_225_600_000
DAY_MS = 86_400_000
TERM = Term(NOW_MS, NOW_MS + 30 * DAY_MS)

ADMINISTRATOR = Identity(Secret(bytes([9]) * 32))
ISSUER = Issuer(ADMINISTRATOR, make_authority(ADMINISTRATOR, "test authority", NOW_MS, 1))

GATEWAY = Identity(Secret(bytes([1]) * 32))
SUBJECT = Subject(Role.GATEWAY, "gw-1", "north")
CERTIFICATE = issue_certificate(ISSUER, Request(SUBJECT, GATEWAY.public_key), 0xABC, TERM)
REVOCATIONS = issue_revocations(ISSUER, 7, TERM, {0xABC: NOW_MS, 0xDEF: NOW_MS}, {"north": 8, "south": 3})
