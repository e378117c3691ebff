"""Proofs of a hand-over: pictures made small, freed of everything but the picture, and kept outside the web root."""

import asyncio
import base64
import binascii
import io
from pathlib import Path
from uuid import UUID

from msgspec import Struct
from PIL import Image, ImageOps, UnidentifiedImageError

from dusangire.delivery import queries
from dusangire.delivery.rules import PROOF_KEPT, Proof
from dusangire.delivery.tables import Handover
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.settings import settings

MOST_BYTES = 60 * 1024
UPLOAD_LIMIT = 6 * 1024 * 1024
LIMIT_MB = 5
_MOST_PIXELS = 40_000_000
_SIDE = 1024
_SIGNATURE = "data:image/png;base64,"


class Evidence(Struct, frozen=True):
    """What the carrier sends: a kind of proof, and a photo, a drawn signature or initials to go with it."""

    proof: Proof
    photo: bytes = b""
    signature: str = ""
    initials: str = ""


class Given(Struct, frozen=True):
    """A proof as it is kept."""

    proof: Proof
    file: str | None = None
    signed_as: str = ""


async def give(evidence: Evidence) -> Given:
    """Keep the proof and return it. Raises Refusal (422) where its photo or signature is missing or unreadable."""
    if evidence.proof is Proof.PHOTO:
        if not evidence.photo:
            raise Refusal("delivery.photo_missing", status=422)
        return Given(Proof.PHOTO, await asyncio.to_thread(lambda: _keep(photo(evidence.photo), "jpg")))
    if evidence.proof is Proof.SIGNATURE:
        if evidence.signature:
            name = await asyncio.to_thread(lambda: _keep(signature(evidence.signature), "png"))
            return Given(Proof.SIGNATURE, name, evidence.initials)
        if not evidence.initials:
            raise Refusal("delivery.sign_missing", status=422)
    return Given(evidence.proof, None, evidence.initials)


async def kept(actor: Actor, order_id: UUID) -> tuple[bytes, str]:
    """Return the proof of a hand-over and its media type. Raises NotHere, also when it is no longer kept."""
    found = await queries.proof_file(actor, order_id)
    path = _folder() / found.name
    if not path.is_file():
        raise NotHere
    return await asyncio.to_thread(path.read_bytes), "image/png" if path.suffix == ".png" else "image/jpeg"


async def forget_old(actor: Actor) -> int:
    """Delete the proofs that are older than they may be kept; return how many."""
    old = await queries.old_proofs(actor, clock.now() - PROOF_KEPT)
    async with transaction():
        if old:
            await Handover.update({Handover.proof_file: None}).where(
                mine(Handover, actor), Handover.id.is_in([handover for handover, _ in old])
            )
    for _, name in old:
        forget(name)
    return len(old)


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


def forget(name: str | None) -> None:
    """Delete a proof; one that is gone already is no fault."""
    if name is not None:
        (_folder() / name).unlink(missing_ok=True)


def _keep(content: bytes, ending: str) -> str:
    """Write the proof under a name that says nothing, and return the name."""
    name = f"{uuid7().hex}.{ending}"
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return name


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
