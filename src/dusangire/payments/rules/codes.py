"""The code that a person writes on a bank transfer: no letters that are misread, and the last one checks the others."""

import re

# 29 letters, a prime: one wrong letter or two neighbours swapped never give another valid code.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTWXYZ"
_LENGTH = 8


def with_check(letters: str) -> str:
    """Return seven letters with their eighth, as people write them: "K4M7-2XQP"."""
    code = letters + _check(letters)
    return f"{code[:4]}-{code[4:]}"


def read_code(text: str) -> str | None:
    """Return the code that somebody typed, in the form it is kept; None where it cannot be one."""
    plain = re.sub(r"[\s-]", "", text).upper()
    if len(plain) != _LENGTH or any(letter not in _ALPHABET for letter in plain) or plain[-1] != _check(plain[:-1]):
        return None
    return f"{plain[:4]}-{plain[4:]}"


def _check(letters: str) -> str:
    return _ALPHABET[sum(place * _ALPHABET.index(letter) for place, letter in enumerate(letters, 2)) % len(_ALPHABET)]
