"""Airtel's sealing: bodies under AES, their key and the payout PIN under Airtel's RSA key, news under HMAC."""

import hmac
import os
from base64 import b64decode, b64encode
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_der_public_key
from msgspec import MsgspecError, Raw, Struct, json


class _News(Struct):
    transaction: Raw
    hash: str = ""


def seal(body: bytes, public_key: str) -> dict[str, str]:
    """Return the headers that sign exactly these bytes. public_key: base64 of the SPKI that Airtel gives out."""
    key, start = os.urandom(32), os.urandom(16)
    padder = PKCS7(128).padder()
    padded = padder.update(body) + padder.finalize()
    writer = Cipher(algorithms.AES256(key), modes.CBC(start)).encryptor()
    signature = writer.update(padded) + writer.finalize()
    pair = b64encode(key) + b":" + b64encode(start)
    return {"x-signature": b64encode(signature).decode(), "x-key": _under(pair, public_key)}


def seal_pin(pin: str, public_key: str) -> str:
    """Return the payout PIN as Airtel wants it."""
    return _under(pin.encode(), public_key)


def is_hashed(body: bytes, key: str) -> bool:
    """Say whether the news carries the hash of its own bytes, in either of the two forms that are described.

    Sources disagree whether the transaction alone is hashed or the object around it.
    """
    try:
        news = json.decode(body, type=_News)
    except MsgspecError:
        return False
    inner = bytes(news.transaction)
    forms = (inner, b'{"transaction":' + inner + b"}", b'{"transaction": ' + inner + b"}")
    right = [b64encode(hmac.digest(key.encode(), form, sha256)) for form in forms]
    return any(hmac.compare_digest(one, news.hash.encode()) for one in right)


def _under(secret: bytes, public_key: str) -> str:
    key = load_der_public_key(b64decode(public_key))
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("Airtel's key is no RSA key")
    return b64encode(key.encrypt(secret, padding.PKCS1v15())).decode()
