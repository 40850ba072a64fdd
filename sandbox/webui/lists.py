"""Fixed lists of the web UI: samplers, schedulers, upscalers, settings."""

from typing import Any

_KARRAS = {"scheduler": "karras"}
# name, aliases, options
SAMPLERS: list[tuple[str, list[str], dict[str, str]]] = [
    ("DPM++ 2M", ["k_dpmpp_2m"], _KARRAS),
    ("DPM++ SDE", ["k_dpmpp_sde"], {**_KARRAS, "second_order": "True", "brownian_noise": "True"}),
    ("DPM++ 2M SDE", ["k_dpmpp_2m_sde"], {"scheduler": "exponential", "brownian_noise": "True"}),
    ("DPM++ 2S a", ["k_dpmpp_2s_a"], {**_KARRAS, "uses_ensd": "True", "second_order": "True"}),
    ("DPM++ 3M SDE", ["k_dpmpp_3m_sde"], {"scheduler": "exponential", "brownian_noise": "True"}),
    ("Euler a", ["k_euler_a", "k_euler_ancestral"], {"uses_ensd": "True"}),
    ("Euler", ["k_euler"], {}),
    ("LMS", ["k_lms"], {}),
    ("Heun", ["k_heun"], {"second_order": "True"}),
    ("DPM2", ["k_dpm_2"], {**_KARRAS, "second_order": "True"}),
    ("DPM2 a", ["k_dpm_2_a"], {**_KARRAS, "uses_ensd": "True", "second_order": "True"}),
    ("DPM fast", ["k_dpm_fast"], {"uses_ensd": "True"}),
    ("DPM adaptive", ["k_dpm_ad"], {"uses_ensd": "True"}),
    ("Restart", ["restart"], {**_KARRAS, "second_order": "True"}),
    ("DDIM", ["ddim"], {}),
    ("PLMS", ["plms"], {}),
    ("UniPC", ["unipc"], {}),
    ("LCM", ["k_lcm"], {}),
]
# name, label, aliases
SCHEDULERS: list[tuple[str, str, list[str] | None]] = [
    ("automatic", "Automatic", None),
    ("uniform", "Uniform", None),
    ("karras", "Karras", None),
    ("exponential", "Exponential", None),
    ("polyexponential", "Polyexponential", None),
    ("sgm_uniform", "SGM Uniform", ["SGMUniform"]),
    ("simple", "Simple", None),
    ("normal", "Normal", None),
    ("ddim", "DDIM", None),
    ("beta", "Beta", None),
]
FIXED_UPSCALERS = ("None", "Lanczos", "Nearest")
LATENT_UPSCALERS = ("Latent", "Latent (antialiased)", "Latent (bicubic)", "Latent (nearest)")

SETTINGS: dict[str, Any] = {
    "samples_save": True,
    "samples_format": "png",
    "samples_filename_pattern": "",
    "grid_save": True,
    "grid_format": "png",
    "return_grid": True,
    "enable_pnginfo": True,
    "jpeg_quality": 80,
    "outdir_samples": "",
    "outdir_txt2img_samples": "outputs/txt2img-images",
    "outdir_img2img_samples": "outputs/img2img-images",
    "save_to_dirs": True,
    "sd_model_checkpoint": None,
    "sd_checkpoint_hash": None,
    "sd_checkpoints_limit": 1,
    "sd_checkpoints_keep_in_cpu": True,
    "sd_vae": "Automatic",
    "sd_vae_overrides_per_model_preferences": True,
    "sd_unet": "Automatic",
    "CLIP_stop_at_last_layers": 1,
    "upcast_attn": False,
    "randn_source": "GPU",
    "tiling": False,
    "eta_noise_seed_delta": 0,
    "eta_ancestral": 1.0,
    "show_progress_every_n_steps": 10,
    "live_previews_enable": True,
    "live_previews_image_format": "png",
    "api_enable_requests": True,
    "api_forbid_local_requests": True,
    "api_useragent": "",
    "add_model_hash_to_info": True,
    "add_model_name_to_info": True,
    "add_version_to_infotext": True,
    "lora_preferred_name": "Alias from file",
    "lora_add_hashes_to_infotext": True,
    "sd_lora": "None",
    "img2img_color_correction": False,
    "upscaler_for_img2img": None,
    "show_warnings": False,
    "enable_console_prompts": False,
    "memmon_poll_rate": 8,
}


def sampler(name: str) -> str | None:
    """The proper name of a sampler given by name or alias, in any case; None if unknown."""
    for proper, aliases, _ in SAMPLERS:
        if name.lower() in (proper.lower(), *(alias.lower() for alias in aliases)):
            return proper
    return None


def scheduler(name: str | None) -> str:
    """The label of a scheduler given by name or label; unknown ones count as automatic."""
    for key, label, aliases in SCHEDULERS:
        if name and name.lower() in (key, label.lower(), *(a.lower() for a in aliases or [])):
            return label
    return "Automatic"
