"""Why a file is not taken: one clear sentence each, by code.  Pure.

The page hands the same sentences to the browser, which refuses before a byte is sent.
"""

from typing import Any

from django.utils.translation import gettext_noop

from apps.core.words import Say

SENTENCES: dict[str, str] = {
    # what the name says
    "name-empty": gettext_noop("The file has no name."),
    "name-long": gettext_noop("The file name is longer than 180 characters."),
    "name-path": gettext_noop("A file name may hold neither “..” nor slashes."),
    "name-control": gettext_noop("The file name holds control characters."),
    "name-dot": gettext_noop("A file name may not begin with a dot or a space."),
    "pickle-name": gettext_noop(
        "%(suffix)s files are pickles: loading one runs code hidden in it. Convert it to"
        " .safetensors first."
    ),
    "suffix": gettext_noop("Only .safetensors files are taken; this is %(suffix)s."),
    # what the size says
    "empty": gettext_noop("The file is empty."),
    "too-large": gettext_noop("The file is larger than 50 GiB."),
    # what the first bytes say
    "pickle": gettext_noop(
        "This is a pickle that was renamed to .safetensors: loading it would run code hidden in it."
    ),
    "zip": gettext_noop(
        "This is a zip archive, as PyTorch writes its pickles; a .safetensors file is none."
    ),
    "gguf": gettext_noop("This is a GGUF file, which the web UI cannot load."),
    "html": gettext_noop("This is a web page, not a model: the download was answered with HTML."),
    "lfs": gettext_noop(
        "This is a Git LFS pointer of a few lines; download the file that it points to."
    ),
    "too-short": gettext_noop("The file is too short to be a safetensors file."),
    "header-large": gettext_noop(
        "The header says it is %(size)s bytes long, more than the 16 MiB any real model needs: this"
        " is no safetensors file."
    ),
    "header-beyond": gettext_noop(
        "The header says it is %(size)s bytes long, but the file ends before that: it is truncated"
        " or no safetensors file."
    ),
    # what the header says
    "header-start": gettext_noop("The header does not begin with “{”."),
    "header-utf8": gettext_noop("The header is not valid UTF-8."),
    "header-json": gettext_noop("The header is not valid JSON."),
    "header-twice": gettext_noop("The header names “%(name)s” twice."),
    "header-shape": gettext_noop("The header is not a list of tensors by name."),
    "metadata": gettext_noop("The metadata in the header is not text by name."),
    "no-tensors": gettext_noop("The file holds no tensor."),
    "tensor-entry": gettext_noop("The header describes tensor “%(name)s” wrongly."),
    "tensor-dtype": gettext_noop("Tensor “%(name)s” has the unknown type %(dtype)s."),
    "tensor-size": gettext_noop(
        "Tensor “%(name)s” claims other bytes than its shape and type make."
    ),
    "tensor-place": gettext_noop(
        "Tensor “%(name)s” overlaps another one, or leaves a hole before it."
    ),
    "truncated": gettext_noop(
        "The file ends %(missing)s bytes before its last tensor does: it is truncated."
    ),
    "appended": gettext_noop("%(extra)s bytes follow the last tensor that belong to none."),
    # what the tensors say
    "diffusers": gettext_noop(
        "This is one part of a model in diffusers layout; the web UI needs one file with all parts."
    ),
    "unknown-kind": gettext_noop(
        "The tensor names are of no model family the console knows, so it cannot tell that this is"
        " %(wanted)s."
    ),
    "wrong-kind": gettext_noop("This is %(found)s, not %(wanted)s."),
    # what the bytes say
    "sha256": gettext_noop(
        "The sha256 of what arrived is not the one announced: the bytes were changed on the way, or"
        " it is another file. Upload it again."
    ),
    "crc64": gettext_noop(
        "The CRC64 of what arrived is not the one announced: the bytes were changed on the way, or"
        " it is another file. Upload it again."
    ),
    "size": gettext_noop(
        "%(found)s bytes arrived, %(wanted)s were announced. Upload the file again."
    ),
    "parts": gettext_noop("%(missing)s of %(total)s parts never arrived. Upload the file again."),
    "lost": gettext_noop("What was uploaded is not in COS any more. Upload the file again."),
    "taken": gettext_noop(
        "Another file is called %(file)s on CFS already; it was not touched. Move it away or upload"
        " under another model name."
    ),
}


class Refusal(Exception):
    """The file is not taken.  `field` names the member of the request it is about."""

    def __init__(self, code: str, field: str = "file_name", **params: Any) -> None:
        self.code = code
        self.say = Say(SENTENCES[code], params)
        self.field = field
        super().__init__(self.say.text % params if params else self.say.text)
