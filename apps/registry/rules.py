"""What may be uploaded under which name, and how it is cut into parts.  Pure."""

from apps.registry.refusals import Refusal

SIZE_MOST = 50 << 30
PART_LEAST = 8 << 20  # COS takes 1 MiB to 5 GiB; smaller parts lose less to a broken connection
PARTS_MOST = 1000
OPEN_MOST = 10  # uploads one person may have under way
URLS_MOST = 64  # presigned at once
URL_LIFE_S = 3600
IDLE_HOURS = 24  # an upload nobody touched for so long is given up
NAME_MOST = 180
SUFFIX = ".safetensors"
PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")


def part_size(size_bytes: int) -> int:
    """8 MiB, doubled until the file has at most 1000 parts."""
    size = PART_LEAST
    while -(-size_bytes // size) > PARTS_MOST:
        size *= 2
    return size


def check_name(name: str) -> None:
    """Raises Refusal for a name that is none, reaches out of its folder, or says it is a pickle."""
    if not name.strip():
        raise Refusal("name-empty")
    if len(name) > NAME_MOST:
        raise Refusal("name-long")
    if "/" in name or "\\" in name or ".." in name:
        raise Refusal("name-path")
    if not name.isprintable():
        raise Refusal("name-control")
    if name[0] in ". ":
        raise Refusal("name-dot")
    dot, suffix = name.rpartition(".")[1:]
    ending = (dot + suffix).lower()
    if ending in PICKLES:
        raise Refusal("pickle-name", suffix=ending)
    if ending != SUFFIX:
        raise Refusal("suffix", suffix=ending[:20] or "?")


def check_size(size_bytes: int) -> None:
    if size_bytes <= 0:
        raise Refusal("empty", field="size_bytes")
    if size_bytes > SIZE_MOST:
        raise Refusal("too-large", field="size_bytes")


def part_numbers_missing(sizes: dict[int, int], size_bytes: int, part_bytes: int) -> list[int]:
    """Which parts of a file are not there in full, from number -> bytes as COS lists them."""
    total = max(1, -(-size_bytes // part_bytes))
    return [
        number
        for number in range(1, total + 1)
        if sizes.get(number) != min(part_bytes, size_bytes - (number - 1) * part_bytes)
    ]
