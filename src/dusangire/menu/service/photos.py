"""Photos of dishes: looked at, turned upright, stripped of what a camera adds, and kept small."""

import asyncio
import io
import re
import secrets
from pathlib import Path
from uuid import UUID

from PIL import Image, ImageOps, UnidentifiedImageError

from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.journal import record
from dusangire.kernel.settings import settings
from dusangire.menu import queries
from dusangire.menu.rules import LARGEST_BYTES, LARGEST_PIXELS, SMALL_BYTES, WIDTHS
from dusangire.menu.service.revision import menu_bell, raise_revision
from dusangire.menu.tables import Dish

_NAME = re.compile(r"([a-z0-9-]{2,16}-[0-9a-f]{16})-(320|640)\.webp")
_FORMATS = ("JPEG", "PNG", "WEBP")


async def set_photo(actor: Actor, dish_id: UUID, content: bytes) -> str:
    """Show this photo instead of the illustration; return its name. Raises Refusal for what is not a usable picture."""
    made = await asyncio.to_thread(encode, content)
    async with transaction():
        row = await queries.locked_dish(actor, dish_id)
        name = f"{row.code.lower()}-{secrets.token_hex(8)}"
        await asyncio.to_thread(_keep, actor, name, made)
        await _point(actor, dish_id, name)
        await record(actor, "dish:photo_set", f"dish:{dish_id}", also=[menu_bell(actor)], code=row.code)
    return name


async def remove_photo(actor: Actor, dish_id: UUID) -> None:
    """Show the illustration again."""
    async with transaction():
        row = await queries.locked_dish(actor, dish_id)
        await _point(actor, dish_id, None)
        await record(actor, "dish:photo_removed", f"dish:{dish_id}", also=[menu_bell(actor)], code=row.code)


async def photo_file(actor: Actor, file: str) -> bytes:
    """Return a kept picture of the actor's hospital. Raises NotHere, also for names that try to leave the folder."""
    match = _NAME.fullmatch(file)
    if match is None or not await queries.has_photo(actor, match.group(1)):
        raise NotHere
    try:
        return await asyncio.to_thread((_folder(actor) / file).read_bytes)
    except FileNotFoundError:
        raise NotHere from None


def encode(content: bytes) -> dict[int, bytes]:
    """Return the picture as WebP, by width. Raises Refusal in words for a person. About half a second of work."""
    if len(content) > LARGEST_BYTES:
        raise Refusal("menu.photo_big", status=422, limit=LARGEST_BYTES // 2**20)
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as probe:
            if probe.width * probe.height > LARGEST_PIXELS:
                raise Refusal("menu.photo_pixels", status=422, limit=LARGEST_PIXELS // 10**6)
            probe.verify()
        with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except Image.DecompressionBombError:
        raise Refusal("menu.photo_pixels", status=422, limit=LARGEST_PIXELS // 10**6) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise Refusal("menu.photo_bad", status=422) from None
    return {width: _webp(upright, width, SMALL_BYTES if width == WIDTHS[0] else None) for width in WIDTHS}


def _webp(image: Image.Image, width: int, most_bytes: int | None) -> bytes:
    """Return the picture cut to 4:3 at this width; quality gives way until it fits. A new image carries no EXIF."""
    cut = ImageOps.fit(image, (width, width * 3 // 4), Image.Resampling.LANCZOS)
    for quality in (80, 65, 50, 35, 20, 8, 0):
        out = io.BytesIO()
        cut.save(out, "WEBP", quality=quality, method=6, exif=b"")
        if most_bytes is None or out.tell() <= most_bytes:
            return out.getvalue()
    return _webp(image.resize((160, 120)), width, most_bytes)


async def _point(actor: Actor, dish_id: UUID, photo: str | None) -> None:
    await Dish.update({Dish.photo: photo}).where(mine(Dish, actor), Dish.id == dish_id)
    await raise_revision(actor)


def _keep(actor: Actor, name: str, made: dict[int, bytes]) -> None:
    folder = _folder(actor)
    folder.mkdir(parents=True, exist_ok=True)
    for width, content in made.items():
        (folder / f"{name}-{width}.webp").write_bytes(content)


def _folder(actor: Actor) -> Path:
    return settings().home / "uploads" / str(actor.hospital) / "dishes"
