"""What may be asked, what is still to be done, and whether a picture is the right one: tables."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from decimal import Decimal

import pytest

from apps.generation import check, png
from apps.generation.check import NotAsAsked
from apps.generation.plan import Draw, Have, Picture, Record, Want, plan
from apps.generation.rules import Wish, Wrong, key_of, seed_of, wrong
from apps.generation.spec import CheckpointSpec, JobSpec
from apps.generation.words import FIELDS, SENTENCES, why
from cloud.errors import Busy, LostAnswer, NotAuthorized, Rejected, Throttled, Unreachable

GOOD = Wish(prompt="a calm lake")


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({}, None),
        ({"prompt": "x" * 4000}, None),
        ({"prompt": "湖，黎明 🌅\nsecond line\t<b>markup</b>"}, None),
        ({"prompt": ""}, Wrong.PROMPT_EMPTY),
        ({"prompt": " \n "}, Wrong.PROMPT_EMPTY),
        ({"prompt": "x" * 4001}, Wrong.PROMPT_LONG),
        ({"prompt": "a\0b"}, Wrong.PROMPT_CONTROL),
        ({"prompt": "a\x1b[31m"}, Wrong.PROMPT_CONTROL),
        ({"prompt": "a\ud800"}, Wrong.PROMPT_CONTROL),
        ({"negative_prompt": "x" * 4001}, Wrong.NEGATIVE_LONG),
        ({"negative_prompt": "\x07"}, Wrong.NEGATIVE_CONTROL),
        ({"steps": 1}, None),
        ({"steps": 150}, None),
        ({"steps": 0}, Wrong.STEPS),
        ({"steps": 151}, Wrong.STEPS),
        ({"cfg_scale": Decimal("7.5")}, None),
        ({"cfg_scale": Decimal("0.9")}, Wrong.CFG),
        ({"cfg_scale": Decimal("30.1")}, Wrong.CFG),
        ({"cfg_scale": Decimal("NaN")}, Wrong.CFG),
        ({"cfg_scale": Decimal("Infinity")}, Wrong.CFG),
        ({"cfg_scale": Decimal("7.25")}, Wrong.CFG_STEP),
        ({"width": 64, "height": 2048}, None),
        ({"width": 56}, Wrong.WIDTH),
        ({"width": 2056}, Wrong.WIDTH),
        ({"width": 513}, Wrong.WIDTH),
        ({"width": -512}, Wrong.WIDTH),
        ({"height": 100}, Wrong.HEIGHT),
        ({"sampler": ""}, Wrong.SAMPLER),
        ({"sampler": "Euler\n"}, Wrong.SAMPLER),
        ({"sampler": "x" * 61}, Wrong.SAMPLER),
        ({"seed": 0}, None),
        ({"seed": 2**32 - 1}, None),
        ({"seed": -2}, Wrong.SEED),
        ({"seed": 2**32}, Wrong.SEED),
        ({"count": 16}, None),
        ({"count": 0}, Wrong.COUNT),
        ({"count": 17}, Wrong.COUNT),
    ],
)
def test_what_may_be_asked(change, broken):
    assert wrong(replace(GOOD, **change)) == broken


def test_every_rule_has_its_sentence_and_its_field():
    assert set(SENTENCES) == set(FIELDS) == set(Wrong)


def test_each_picture_has_its_own_seed_and_place():
    assert [seed_of(7, n) for n in (1, 2, 3)] == [7, 8, 9]
    assert seed_of(2**32 - 1, 2) == 0
    assert key_of("images/2026/11/22", "u", 3) == "images/2026/11/22/u-3.png"


PICTURES = tuple(Picture(n, 6 + n, f"images/x-{n}.png") for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("want", "have", "actions"),
    [
        (None, None, []),
        (Want(PICTURES), None, [Draw(one) for one in PICTURES]),
        (Want(PICTURES), Have(frozenset({1, 2, 3})), []),
        (Want(PICTURES), Have(frozenset({1, 3})), [Draw(PICTURES[1])]),
        (
            Want(PICTURES),
            Have(frozenset({1}), frozenset({2})),
            [Record(PICTURES[1]), Draw(PICTURES[2])],
        ),
        (Want(PICTURES, drawing=False), None, []),
        (
            Want(PICTURES, drawing=False),
            Have(frozenset({1}), frozenset({2})),
            [Record(PICTURES[1])],
        ),
    ],
)
def test_only_what_is_missing_is_drawn(want, have, actions):
    assert plan(want, have) == actions


def test_drawing_and_writing_down_are_different_steps():
    assert Draw(PICTURES[0]).key != Record(PICTURES[0]).key
    assert Draw(PICTURES[0]).change.name == "images/x-1.png"


# ---- is it the picture that was asked for? --------------------------------------------------

SPEC = JobSpec(
    prompt="a calm lake",
    steps=20,
    cfg_scale=7,
    width=16,
    height=8,
    sampler="Euler",
    seed=7,
    count=1,
    folder="images/2026/11/22",
    checkpoint=CheckpointSpec(version=1, name="sd15-v1", hash="0123456789"),
)
SAID = (
    "a calm lake\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 7, Size: 16x8,"
    " Model hash: 0123456789, Model: sd15-v1, Version: v1.10.1"
)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def drawn(words=SAID, width=16, height=8, text=b"tEXt"):
    body = words.encode("latin-1")
    if text == b"iTXt":
        body = b"\1\0\0\0" + zlib.compress(words.encode())
    rows = zlib.compress((b"\0" + bytes(3 * width)) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (text, b"parameters\0" + body),
        (b"IDAT", rows),
        (b"IEND", b""),
    )
    return png.MAGIC + b"".join(chunk(*one) for one in parts)


@pytest.mark.parametrize("text", [b"tEXt", b"iTXt"])
def test_the_right_picture_passes(text):
    told = check.checked(drawn(text=text), PICTURES[0], SPEC)
    assert (told.width, told.height, told.model_name) == (16, 8, "sd15-v1")
    assert told.infotext == SAID


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (drawn(SAID.replace("sd15-v1", "other")), "model"),
        (drawn(SAID.replace("0123456789", "9876543210")), "model"),
        (drawn("a calm lake"), "model"),
        (drawn(SAID.replace("Seed: 7", "Seed: 8")), "seed"),
        (drawn(width=8), "size"),
    ],
)
def test_another_picture_is_told_apart(image, what):
    with pytest.raises(NotAsAsked) as caught:
        check.checked(image, PICTURES[0], SPEC)
    assert caught.value.what == what


def test_a_web_ui_without_infotext_is_believed_by_its_record():
    info = {"sd_model_name": "sd15-v1", "sd_model_hash": "0123456789", "seed": 7}
    assert check.checked(drawn(""), PICTURES[0], SPEC, info).model_hash == "0123456789"


def test_without_hashing_the_name_decides():
    words = SAID.replace("Model hash: 0123456789, ", "")
    assert check.checked(drawn(words), PICTURES[0], SPEC).model_hash == ""


def broken_pictures():
    whole = drawn()
    yield "empty", b""
    yield "another format", b"GIF89a" + whole[6:]
    yield "magic only", png.MAGIC
    yield "no pixels", png.MAGIC + chunk(b"IHDR", whole[16:29]) + chunk(b"IEND", b"")
    yield "no header", png.MAGIC + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")
    yield "no size", whole.replace(whole[8:33], chunk(b"IHDR", bytes(8) + whole[24:29]))
    yield "a bit turned", whole[:60] + bytes([whole[60] ^ 1]) + whole[61:]
    yield "a wild length", whole[:33] + b"\xff\xff\xff\xff" + whole[37:]
    yield (
        "broken text",
        png.MAGIC + whole[8:33] + chunk(b"iTXt", b"parameters\0\1\0\0\0nonsense"),
    )
    for cut in range(1, len(whole), 7):
        yield f"cut at {cut}", whole[:cut]


@pytest.mark.parametrize("image", [pytest.param(i, id=name) for name, i in broken_pictures()])
def test_a_broken_picture_is_refused(image):
    with pytest.raises(png.NotWhole):
        png.read(image)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Rejected("The web UI answered 404: Sampler not found"), "no sampler Euler"),
        (Rejected("The card has too little memory for this picture."), "memory for 16×8"),
        (Rejected("The web UI answered 404: no Route matched"), "look at its route"),
        (Rejected("The web UI answered 422: x"), "refused"),
        (NotAuthorized("The web UI answered 403: x"), "does not let the console in"),
        (Busy("The web UI answered 500: x."), "asked again"),
        (Unreachable("x"), "No pod of anime"),
        (LostAnswer("x"), "No pod of anime"),
    ],
)
def test_a_failure_is_told_with_what_helps(error, said):
    assert said in str(why(error, name="anime", wish=SPEC.wish))


def test_a_throttle_needs_no_words_of_ours():
    assert why(Throttled("x"), name="anime", wish=SPEC.wish) is None
