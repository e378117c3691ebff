"""A provider's news: where it is sent, whether it may be listened to, and what payment it names."""

import hmac
from uuid import UUID

from msgspec import MsgspecError, Struct, json

from dusangire.kernel.ids import as_uuid
from dusangire.kernel.settings import settings
from dusangire.payments.gateways.sealing import is_hashed
from dusangire.payments.rules.providers import airtel_hook_path, hook_token


class _Transaction(Struct):
    id: str = ""


class _News(Struct):
    transaction: _Transaction | None = None
    externalId: str = ""


def token_of(payment_id: UUID) -> str:
    """Return what only we can know of this payment's address for news."""
    return hook_token(_key(), payment_id.bytes)


def is_token(payment_id: UUID, said: str) -> bool:
    """Say whether the address is the one we gave out; takes the same time for every wrong one."""
    return hmac.compare_digest(token_of(payment_id).encode(), said.encode())


def is_portal_token(said: str) -> bool:
    """Say whether the address is the one in Airtel's portal."""
    return hmac.compare_digest(airtel_hook_path(_key()).rpartition("/")[2].encode(), said.encode())


def mtn_hook_url(payment_id: UUID) -> str:
    """Return where MTN is to send the news of one payment."""
    return f"{settings().public_url}/hooks/momo/{payment_id}/{token_of(payment_id)}"


def airtel_hook_url() -> str:
    """Return where Airtel sends all news."""
    return settings().public_url + airtel_hook_path(_key())


def named_in(body: bytes) -> UUID | None:
    """Return the reference that the news names, of either provider; None for anything that is no news. Only a hint."""
    try:
        news = json.decode(body, type=_News)
    except (MsgspecError, UnicodeDecodeError):
        return None
    return as_uuid(news.transaction.id if news.transaction else news.externalId)


def is_airtel_signed(body: bytes) -> bool:
    """Say whether Airtel's hash fits; True where hashing is not switched on (AIRTEL_HASH_KEY)."""
    airtel = settings().airtel
    return airtel is None or airtel.hash_key is None or is_hashed(body, airtel.hash_key)


def _key() -> bytes:
    return settings().derive("payment hooks")
