// The safetensors container, read from a File's first bytes before any of them is sent.
// The same rules as apps/registry/safetensors.py and rules.py, which have the last word.
const BITS = {
  BOOL: 8, F4: 4, F6_E2M3: 6, F6_E3M2: 6, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8, I16: 16, U16: 16, F16: 16, BF16: 16, I32: 32, U32: 32, F32: 32, C64: 64, F64: 64, I64: 64, U64: 64,
};
const PREFIX = 8;

/** Why a file is not taken: `code` names the sentence, `params` fill it. */
export class Refusal extends Error {
  constructor(code, params = {}) {
    super(code);
    this.code = code;
    this.params = params;
  }
}

export function checkName(name, limits) {
  if (!name.trim()) throw new Refusal("name-empty");
  if ([...name].length > limits.name) throw new Refusal("name-long");
  if (/[/\\]|\.\./.test(name)) throw new Refusal("name-path");
  if (/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(name)) throw new Refusal("name-control");
  if (/^[. ]/.test(name)) throw new Refusal("name-dot");
  const suffix = (/\.[^.]*$/.exec(name)?.[0] ?? "").toLowerCase();
  if (limits.pickles.includes(suffix)) throw new Refusal("pickle-name", { suffix });
  if (suffix !== ".safetensors") throw new Refusal("suffix", { suffix: suffix.slice(0, 20) || "?" });
}

export function checkSize(size, limits) {
  if (!size) throw new Refusal("empty");
  if (size > limits.size) throw new Refusal("too-large");
}

function sniff(bytes) {
  const text = new TextDecoder("latin1").decode(bytes);
  if (text.startsWith("PK\x03\x04")) throw new Refusal("zip");
  if (text.startsWith("GGUF")) throw new Refusal("gguf");
  if (text.startsWith("version https://git-lfs")) throw new Refusal("lfs");
  if (/^\s*<(!doctype html|html|head|\?xml)/i.test(text)) throw new Refusal("html");
  if (bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5 && bytes[8] !== 0x7b) throw new Refusal("pickle");
}

/** Where the header ends, from the first bytes of a file of `size` bytes. */
export function headerEnd(bytes, size, limits) {
  if (!size) throw new Refusal("empty");
  sniff(bytes);
  if (size < PREFIX + 2 || bytes.length < PREFIX) throw new Refusal("too-short");
  const length = new DataView(bytes.buffer, bytes.byteOffset, PREFIX).getBigUint64(0, true);
  if (length > BigInt(limits.header)) throw new Refusal("header-large", { size: String(length) });
  if (BigInt(PREFIX) + length > BigInt(size)) throw new Refusal("header-beyond", { size: String(length) });
  return PREFIX + Number(length);
}

/** {length, tensors: {name: {dtype, shape, bytes}}, metadata} of the header's bytes; throws Refusal. */
export function parse(bytes, size) {
  if (bytes[0] !== 0x7b) throw new Refusal("header-start");
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refusal("header-utf8");
  }
  let stored;
  try {
    stored = JSON.parse(text);
  } catch {
    throw new Refusal("header-json");
  }
  if (stored === null || typeof stored !== "object" || Array.isArray(stored)) throw new Refusal("header-shape");
  const { __metadata__: metadata, ...entries } = stored;
  const found = Object.entries(entries).map(([name, entry]) => tensor(name, entry));
  if (!found.length) throw new Refusal("no-tensors");
  cover(found, size - PREFIX - bytes.length);
  if (metadata !== undefined && metadata !== null) {
    const plain = typeof metadata === "object" && !Array.isArray(metadata);
    if (!plain || Object.values(metadata).some((value) => typeof value !== "string")) throw new Refusal("metadata");
  }
  return { length: bytes.length, tensors: Object.fromEntries(found.map((one) => [one.name, one])), metadata: metadata ?? {} };
}

const natural = (value) => Number.isSafeInteger(value) && value >= 0;

function tensor(name, entry) {
  const shown = name.slice(0, 80);
  const members = entry && typeof entry === "object" ? Object.keys(entry).sort().join() : "";
  if (members !== "data_offsets,dtype,shape") throw new Refusal("tensor-entry", { name: shown });
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(BITS, dtype)) throw new Refusal("tensor-dtype", { name: shown, dtype: String(dtype).slice(0, 20) });
  const lists = Array.isArray(shape) && shape.length <= 32 && shape.every(natural)
    && Array.isArray(offsets) && offsets.length === 2 && offsets.every(natural);
  if (!lists) throw new Refusal("tensor-entry", { name: shown });
  const bits = shape.reduce((product, side) => product * BigInt(side), 1n) * BigInt(BITS[dtype]);
  const [begin, end] = offsets;
  if (bits % 8n || bits / 8n !== BigInt(end - begin)) throw new Refusal("tensor-size", { name: shown });
  return { name, dtype, shape, begin, bytes: end - begin };
}

function cover(tensors, dataBytes) {
  let at = 0;
  for (const one of [...tensors].sort((a, b) => a.begin - b.begin || a.bytes - b.bytes)) {
    if (one.begin !== at) throw new Refusal("tensor-place", { name: one.name.slice(0, 80) });
    at += one.bytes;
  }
  if (at > dataBytes) throw new Refusal("truncated", { missing: at - dataBytes });
  if (at < dataBytes) throw new Refusal("appended", { extra: dataBytes - at });
}

/** The header of a File, and the sha256 of the header's bytes by which it is known again. */
export async function readHeader(file, limits) {
  const start = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  const end = headerEnd(start, file.size, limits);
  const head = await file.slice(0, end).arrayBuffer();
  const header = parse(new Uint8Array(head, PREFIX), file.size);
  return { ...header, fingerprint: await sha256(head) };
}

/** In hex; "" where the page is not served securely and the browser therefore has no such function. */
export async function sha256(buffer) {
  if (!globalThis.crypto?.subtle) return "";
  const digest = await crypto.subtle.digest("SHA-256", buffer);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
