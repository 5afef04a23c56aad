"""For how long the administrator signs, unless told otherwise. Source: docs/deployment.md, section 5."""

from typing import Final

AUTHORITY_YEARS: Final = 10
CERTIFICATE_DAYS: Final = 730
LIST_DAYS: Final = 90
RENEW_WITHIN_DAYS: Final = 60
"""Without names, whatever ends so soon is renewed."""
