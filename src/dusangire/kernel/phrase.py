"""Sentences not yet said: a key of the catalogue with its facts, spoken in the reader's language when it is drawn."""

from collections.abc import Mapping
from typing import Union

from msgspec import Struct


class Named(Struct, frozen=True, tag="named"):
    """What has a name of its own in each language, such as a dish."""

    en: str
    fr: str
    rw: str

    def said(self, language: str) -> str:
        """Return the name in the language; English for any we do not speak."""
        return {"fr": self.fr, "rw": self.rw}.get(language) or self.en


class Phrase(Struct, frozen=True, tag="phrase"):
    """A sentence by its key. Facts are plain, named in each language, or phrases themselves.

    `otherwise` is told where the catalogue does not hold the key, as for a diet that a hospital added.
    """

    key: str
    facts: Mapping[str, Union["Phrase", Named, str, int]] = {}
    otherwise: str = ""
