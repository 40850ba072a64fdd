"""What a generation request may hold, with the defaults of the real API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class ApiError(Exception):
    """Answer with this status in the shape of the web UI's error handler."""

    def __init__(self, status: int, kind: str, *, detail: str = "", errors: str = "") -> None:
        super().__init__(detail or errors)
        self.status = status
        self.body = {"error": kind, "detail": detail, "body": "", "errors": errors}


class Invalid(Exception):
    """The body does not have the right shape: 422 with the places that are wrong."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("invalid request")
        self.problems = problems


@dataclass(frozen=True)
class Shape:
    kind: type
    default: Any


_COMMON: dict[str, Shape] = {
    "prompt": Shape(str, ""),
    "negative_prompt": Shape(str, ""),
    "styles": Shape(list, None),
    "seed": Shape(int, -1),
    "subseed": Shape(int, -1),
    "subseed_strength": Shape(float, 0),
    "seed_resize_from_h": Shape(int, -1),
    "seed_resize_from_w": Shape(int, -1),
    "sampler_name": Shape(str, None),
    "scheduler": Shape(str, None),
    "batch_size": Shape(int, 1),
    "n_iter": Shape(int, 1),
    "steps": Shape(int, 50),
    "cfg_scale": Shape(float, 7.0),
    "width": Shape(int, 512),
    "height": Shape(int, 512),
    "restore_faces": Shape(bool, None),
    "tiling": Shape(bool, None),
    "do_not_save_samples": Shape(bool, False),
    "do_not_save_grid": Shape(bool, False),
    "eta": Shape(float, None),
    "override_settings": Shape(dict, None),
    "override_settings_restore_afterwards": Shape(bool, True),
    "refiner_checkpoint": Shape(str, None),
    "refiner_switch_at": Shape(float, None),
    "disable_extra_networks": Shape(bool, False),
    "comments": Shape(dict, None),
    "sampler_index": Shape(str, "Euler"),
    "script_name": Shape(str, None),
    "script_args": Shape(list, []),
    "send_images": Shape(bool, True),
    "save_images": Shape(bool, False),
    "alwayson_scripts": Shape(dict, {}),
    "force_task_id": Shape(str, None),
    "infotext": Shape(str, None),
}
TXT2IMG = {
    **_COMMON,
    "enable_hr": Shape(bool, False),
    "denoising_strength": Shape(float, None),
    "firstphase_width": Shape(int, 0),
    "firstphase_height": Shape(int, 0),
    "hr_scale": Shape(float, 2.0),
    "hr_upscaler": Shape(str, None),
    "hr_second_pass_steps": Shape(int, 0),
    "hr_resize_x": Shape(int, 0),
    "hr_resize_y": Shape(int, 0),
    "hr_checkpoint_name": Shape(str, None),
    "hr_sampler_name": Shape(str, None),
    "hr_prompt": Shape(str, ""),
    "hr_negative_prompt": Shape(str, ""),
}
IMG2IMG = {
    **_COMMON,
    "init_images": Shape(list, None),
    "resize_mode": Shape(int, 0),
    "denoising_strength": Shape(float, 0.75),
    "image_cfg_scale": Shape(float, None),
    "mask": Shape(str, None),
    "mask_blur": Shape(int, None),
    "mask_blur_x": Shape(int, 4),
    "mask_blur_y": Shape(int, 4),
    "inpainting_fill": Shape(int, 0),
    "inpaint_full_res": Shape(bool, True),
    "inpaint_full_res_padding": Shape(int, 0),
    "inpainting_mask_invert": Shape(int, 0),
    "initial_noise_multiplier": Shape(float, None),
    "include_init_images": Shape(bool, False),
}
_WORDS = {int: "integer", float: "float", bool: "boolean", str: "str", list: "list", dict: "dict"}


def read(body: Any, shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """All members of `shapes`, from `body` or by default; unknown ones are dropped.

    Raises Invalid naming every member of the wrong type.
    """
    if not isinstance(body, dict):
        problem = {"loc": ["body"], "msg": "value is not a valid dict", "type": "type_error.dict"}
        raise Invalid([problem])
    found, problems = {}, []
    for name, shape in shapes.items():
        value = body.get(name, shape.default)
        if value is not None and name in body:
            try:
                value = _coerce(value, shape.kind)
            except (KeyError, TypeError, ValueError):
                word = _WORDS[shape.kind]
                text = "str type expected" if word == "str" else f"value is not a valid {word}"
                problems.append({"loc": ["body", name], "msg": text, "type": f"type_error.{word}"})
        found[name] = value
    if problems:
        raise Invalid(problems)
    return found


def _coerce(value: Any, kind: type) -> Any:
    """`value` as `kind` where the real API takes it; KeyError, TypeError or ValueError if not."""
    if kind in (list, dict):
        if not isinstance(value, kind):
            raise ValueError
        return value
    if isinstance(value, list | dict):
        raise ValueError
    if kind is str:
        return str(value)
    if kind is bool:
        if isinstance(value, str):
            return {"true": True, "false": False, "1": True, "0": False}[value.lower()]
        return bool(value)
    return kind(value)
