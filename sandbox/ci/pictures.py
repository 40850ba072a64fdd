"""Get one picture of a job, from wherever it is, and open it within the documented limits."""

import asyncio
import base64
import binascii
import io
from urllib.parse import urlsplit

import aiohttp
from PIL import Image, UnidentifiedImageError

from sandbox.ci.errors import BadPicture
from sandbox.cos.errors import CosError
from sandbox.store import Document
from sandbox.world import World

MAX_BYTES = 32 << 20
FREE_BYTES = 5 << 20  # larger ones need LargeImageDetect=1, which compresses them first
MIN_SIDE_PX, MAX_SIDE_PX = 20, 40_000
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
DOWNLOAD_S = 10.0


def content(text: str) -> bytes:
    """The bytes of a Content member.  Raises BadPicture."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as exc:
        raise BadPicture("InvalidContent", "The content is not valid base64.") from exc


async def fetch(world: World, job: Document) -> bytes:
    """The bytes the job is about.  Raises BadPicture."""
    if job.get("blob"):
        return await asyncio.to_thread(world.cos.objects.blobs.path(job["blob"]).read_bytes)
    if job.get("object"):
        try:
            found = world.cos.objects.get(job["bucket"], job["object"])
        except CosError as exc:
            raise BadPicture("ResourceNotFound", "The specified object does not exist.") from exc
        if found["size"] > MAX_BYTES:
            raise BadPicture("-167", "The image is larger than 32 MB.")
        return await asyncio.to_thread(world.cos.objects.blobs.read, found["segments"])
    return await _download(job["url"])


async def _download(url: str) -> bytes:
    if urlsplit(url).scheme not in ("http", "https"):
        raise BadPicture("InvalidArgument", "The Url is not valid.")
    failed = BadPicture("ResourceDownloadFailed", "The image could not be downloaded.")
    patience = aiohttp.ClientTimeout(total=DOWNLOAD_S)
    try:
        async with aiohttp.ClientSession(timeout=patience) as web, web.get(url) as answer:
            if answer.status != 200:
                raise failed
            data = await answer.content.read(MAX_BYTES + 1)
            while len(data) <= MAX_BYTES and (more := await answer.content.read(MAX_BYTES)):
                data += more
    except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
        raise failed from exc
    return data


def open_picture(data: bytes, *, large: bool) -> tuple[Image.Image, bool]:
    """The decoded picture (of an animation its first frame), and whether it was compressed first.

    Raises BadPicture for what is too large, too small, or no picture.
    """
    if len(data) > MAX_BYTES:
        raise BadPicture("-167", "The image is larger than 32 MB.")
    if len(data) > FREE_BYTES and not large:
        raise BadPicture("-167", "The image is larger than 5 MB.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if min(image.size) <= MIN_SIDE_PX or max(image.size) >= MAX_SIDE_PX:
            raise BadPicture(
                "-442", f"The image size {image.width}x{image.height} is not supported."
            )
        image.load()
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as exc:
        raise BadPicture(
            "-443", "The image format is not supported or the file is broken."
        ) from exc
    return image, len(data) > FREE_BYTES
