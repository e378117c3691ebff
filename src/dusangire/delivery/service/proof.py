"""Proofs of a hand-over: pictures made small, freed of everything but the picture, and kept outside the web root."""

import base64
import binascii
import io
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.settings import settings

MOST_BYTES = 60 * 1024
UPLOAD_LIMIT = 6 * 1024 * 1024
LIMIT_MB = 5
_MOST_PIXELS = 40_000_000
_SIDE = 1024
_SIGNATURE = "data:image/png;base64,"


def photo(content: bytes) -> bytes:
    """Return the photo as a JPEG of at most 60 KB, upright, without EXIF or any other note.

    Raises Refusal (422) for what is not a JPEG, PNG or WebP of at most 5 MB and 40 megapixels.
    """
    picture = _opened(content, ("JPEG", "PNG", "WEBP"))
    picture = ImageOps.exif_transpose(picture).convert("RGB")
    side, quality = _SIDE, 80
    while True:
        picture.thumbnail((side, side))
        small = io.BytesIO()
        picture.save(small, "JPEG", quality=quality, optimize=True)
        if small.tell() <= MOST_BYTES:
            return small.getvalue()
        side, quality = (side, quality - 10) if quality > 40 else (side * 3 // 4, quality)


def signature(data_url: str) -> bytes:
    """Return a signature drawn on the phone as a small grey PNG. Raises Refusal (422) for anything else."""
    if not data_url.startswith(_SIGNATURE):
        raise _not_a_picture()
    try:
        content = base64.b64decode(data_url.removeprefix(_SIGNATURE), validate=True)
    except binascii.Error:
        raise _not_a_picture() from None
    picture = _opened(content, ("PNG",)).convert("L")
    picture.thumbnail((480, 240))
    small = io.BytesIO()
    picture.quantize(8).save(small, "PNG", optimize=True)
    return small.getvalue()


def keep(content: bytes, ending: str) -> str:
    """Write the proof under a name that says nothing, and return the name."""
    name = f"{uuid7().hex}.{ending}"
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return name


def forget(name: str) -> None:
    """Delete a proof; one that is gone already is no fault."""
    (_folder() / name).unlink(missing_ok=True)


def kept(name: str) -> bytes | None:
    """Return a proof's content; None where it is no longer kept."""
    path = _folder() / name
    return path.read_bytes() if path.is_file() else None


def _folder() -> Path:
    return settings().home / "uploads" / "proof"


def _opened(content: bytes, formats: tuple[str, ...]) -> Image.Image:
    if len(content) > LIMIT_MB * 1024 * 1024:
        raise _not_a_picture()
    try:
        picture = Image.open(io.BytesIO(content), formats=formats)
        if picture.width * picture.height > _MOST_PIXELS:
            raise _not_a_picture()
        picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise _not_a_picture() from None
    return picture


def _not_a_picture() -> Refusal:
    return Refusal("error.file", status=422, limit=LIMIT_MB)
