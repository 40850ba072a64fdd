// What a model file is, from names and shapes in its header: the questions of apps/registry/inspection.py
// in the same order.  Here they only fill in the form and refuse early; the console asks them again.
import { Refusal } from "./registry-safetensors.js";

const UNET = "model.diffusion_model.";
const CONTEXT = "transformer_blocks.0.attn2.to_k.weight";
const WIDTHS = { 768: "SD 1.5", 1024: "SD 2", 2048: "SDXL", 1280: "SDXL Refiner" };
const LORA_ENDS = [
  ".lora_down.weight", ".lora_up.weight", ".lora_A.weight", ".lora_B.weight", ".lora.down.weight", ".lora.up.weight",
  ".hada_w1_a", ".lokr_w1", ".lokr_w1_a", ".oft_blocks", ".oft_diag", ".on_input", ".dora_scale", ".diff",
];
const SAID = [
  ["stable-diffusion-xl", "SDXL"], ["sdxl", "SDXL"], ["stable-diffusion-v1", "SD 1.5"], ["sd_v1", "SD 1.5"],
  ["stable-diffusion-v2", "SD 2"], ["sd_v2", "SD 2"], ["stable-diffusion-3", "SD 3"], ["stable-diffusion-v3", "SD 3"],
  ["sd3", "SD 3"], ["flux", "Flux"],
];

/** {type, family, variant, precision, tensors}; type "" = not recognised. */
export function inspect({ tensors, metadata }) {
  const names = Object.keys(tensors);
  const weights = {};
  for (const one of Object.values(tensors)) weights[one.dtype] = (weights[one.dtype] ?? 0) + one.bytes;
  const precision = Object.entries(weights).sort((a, b) => b[1] - a[1])[0][0];
  let known = null;
  for (const test of [lora, controlnet, adapter, checkpoint, embedding, vae, upscaler, encoder]) {
    known = test(tensors, names, metadata);
    if (known) break;
  }
  const [type, family = "", variant = ""] = known ?? [""];
  return { type, family, variant, precision, tensors: names.length };
}

/** Throws Refusal when the file is no model of type `wanted`; `kinds` are the words of the types. */
export function check(found, wanted, kinds) {
  if (found.type === "diffusers") throw new Refusal("diffusers");
  if (!found.type) throw new Refusal("unknown-kind", { wanted: kinds[wanted] });
  if (found.type !== wanted) throw new Refusal("wrong-kind", { found: kinds[found.type], wanted: kinds[wanted] });
}

const width = (tensors, key, axis = -1) => tensors[key]?.shape.at(axis) ?? 0;
const ends = (name, list) => list.some((end) => name.endsWith(end));

function lora(tensors, names, told) {
  if (!names.some((name) => ends(name, LORA_ENDS)) || "lora_controlnet" in tensors) return null;
  return ["lora", loraFamily(tensors, names, told)];
}

function loraFamily(tensors, names, told) {
  const said = told["modelspec.architecture"] || told.ss_base_model_version || "";
  for (const [start, family] of SAID) if (said.startsWith(start)) return family;
  if (names.some((name) => name.includes("double_blocks") || name.includes("single_transformer_blocks"))) return "Flux";
  if (names.some((name) => name.includes("joint_blocks"))) return "SD 3";
  if (names.some((name) => name.startsWith("lora_te2_"))) return "SDXL";
  const key = names.find((name) => name.replaceAll("_", ".").includes("attn2.to.k")
    && ends(name, [".lora_down.weight", ".lora_A.weight", ".lora.down.weight"]));
  return key ? WIDTHS[tensors[key].shape[1]] ?? "" : "";
}

function controlnet(tensors, names) {
  const marks = ["input_hint_block.0.weight", "lora_controlnet", "task_embedding", "controlnet_cond_embedding.conv_in.weight"];
  if (!names.some((name) => name.startsWith("control_model.") || marks.includes(name) || name.includes("lllite"))) return null;
  if (names.some((name) => ends(name, ["label_emb.0.0.bias", "add_embedding.linear_1.weight"]))) return ["controlnet", "SDXL"];
  const key = names.find((name) => name.endsWith(CONTEXT));
  return ["controlnet", key ? WIDTHS[width(tensors, key)] ?? "" : ""];
}

function adapter(tensors, names) {
  const starts = ["ip_adapter.", "adapter.body.", "body.0.in_conv", "body.0.resnets"];
  return names.some((name) => starts.some((start) => name.startsWith(start))) ? ["adapter"] : null;
}

function checkpoint(tensors, names) {
  for (const at of [UNET, ""]) {
    const found = unet(tensors, at) ?? transformer(tensors, names, at);
    if (found) return found;
  }
  const blocks = names.some((name) => name.startsWith("down_blocks.") || name.startsWith("mid_block."));
  return blocks && "conv_in.weight" in tensors && "time_embedding.linear_1.weight" in tensors ? ["diffusers"] : null;
}

function unet(tensors, at) {
  const first = `${at}input_blocks.0.0.weight`;
  if (!(first in tensors)) return null;
  const variant = { 9: "inpainting", 8: "instruct-pix2pix" }[tensors[first].shape[1]] ?? "";
  const bias = "model.transformer.resblocks.9.mlp.c_proj.bias";
  if (`conditioner.embedders.1.${bias}` in tensors || "conditioner.embedders.1.model.ln_final.weight" in tensors) {
    return ["checkpoint", "SDXL", variant];
  }
  if (`conditioner.embedders.0.${bias}` in tensors) return ["checkpoint", "SDXL Refiner", variant];
  const label = width(tensors, `${at}label_emb.0.0.weight`, 1);
  if (label === 2816) return ["checkpoint", "SDXL", variant || "UNet"];
  if (label === 2560) return ["checkpoint", "SDXL Refiner", variant || "UNet"];
  for (const block of ["input_blocks.2.1.", "input_blocks.1.1.", "input_blocks.4.1."]) {
    const family = WIDTHS[width(tensors, `${at}${block}${CONTEXT}`)];
    if (family) return ["checkpoint", family, variant];
  }
  return null;
}

function transformer(tensors, names, at) {
  if (`${at}joint_blocks.0.context_block.adaLN_modulation.1.bias` in tensors) {
    if (`${at}joint_blocks.37.x_block.mlp.fc1.weight` in tensors) return ["checkpoint", "SD 3.5", "Large"];
    return ["checkpoint", width(tensors, `${at}pos_embed`, 1) === 147456 ? "SD 3.5" : "SD 3", "Medium"];
  }
  if (!(`${at}double_blocks.0.img_attn.norm.key_norm.scale` in tensors)) return null;
  if (`${at}single_stream_modulation.lin.weight` in tensors) return ["checkpoint", "Flux.2"];
  if (names.some((name) => name.startsWith(`${at}distilled_guidance_layer.`))) return ["checkpoint", "Chroma"];
  const inputs = { 384: "Fill", 128: "Depth/Canny" }[width(tensors, `${at}img_in.weight`, 1)];
  const guided = names.some((name) => name.startsWith(`${at}guidance_in.`));
  return ["checkpoint", "Flux", inputs ?? (guided ? "dev" : "schnell")];
}

function embedding(tensors, names) {
  if ("clip_l" in tensors && "clip_g" in tensors) return ["embedding", "SDXL"];
  if ("emb_params" in tensors) return ["embedding", WIDTHS[width(tensors, "emb_params")] ?? ""];
  if (names.length !== 1) return null;
  const { shape } = tensors[names[0]];
  return [1, 2].includes(shape.length) && [768, 1024, 1280].includes(shape.at(-1)) ? ["embedding", WIDTHS[shape.at(-1)]] : null;
}

function vae(tensors) {
  for (const at of ["", "first_stage_model."]) {
    const key = `${at}decoder.conv_in.weight`;
    if (key in tensors && `${at}encoder.conv_in.weight` in tensors) {
      return ["vae", { 4: "SD 1.5 / SDXL", 16: "SD 3 / Flux" }[width(tensors, key, 1)] ?? ""];
    }
  }
  return null;
}

function upscaler(tensors) {
  const keys = ["conv_first.weight", "body.0.rdb1.conv1.weight", "model.0.weight"];
  return keys.some((key) => tensors[key]?.shape.length === 4) ? ["upscaler", "ESRGAN"] : null;
}

function encoder(tensors, names) {
  const starts = ["text_model.encoder.", "cond_stage_model.", "encoder.block.0.layer.0.SelfAttention"];
  return names.some((name) => starts.some((start) => name.startsWith(start))) ? ["text-encoder"] : null;
}
