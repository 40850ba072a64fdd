// CRC-64/XZ, which COS calls crc64ecma: eight bytes a step in two halves of 32 bits, because JavaScript's
// own integers end at 53.  Sums of parts combine to the sum of the whole, so parts may be summed in any order.
const POLY = 0xc96c5795d7870f42n;
const HIGH = [], LOW = [];

for (let slice = 0; slice < 8; slice++) {
  HIGH.push(new Uint32Array(256));
  LOW.push(new Uint32Array(256));
}
for (let byte = 0; byte < 256; byte++) {
  let crc = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ POLY : crc >> 1n;
  HIGH[0][byte] = Number(crc >> 32n);
  LOW[0][byte] = Number(crc & 0xffffffffn);
}
for (let slice = 1; slice < 8; slice++) {
  for (let byte = 0; byte < 256; byte++) {
    const high = HIGH[slice - 1][byte], low = LOW[slice - 1][byte], index = low & 255;
    HIGH[slice][byte] = (high >>> 8) ^ HIGH[0][index];
    LOW[slice][byte] = ((low >>> 8) | (high << 24)) ^ LOW[0][index];
  }
}
const [H0, H1, H2, H3, H4, H5, H6, H7] = HIGH;
const [L0, L1, L2, L3, L4, L5, L6, L7] = LOW;

/** Of an ArrayBuffer, as a BigInt. */
export function crc64(buffer) {
  const words = new Uint32Array(buffer, 0, buffer.byteLength >> 3 << 1);
  let high = 0xffffffff, low = 0xffffffff;
  for (let at = 0; at < words.length; at += 2) {
    const a = low ^ words[at], b = high ^ words[at + 1];
    low = L7[a & 255] ^ L6[(a >>> 8) & 255] ^ L5[(a >>> 16) & 255] ^ L4[a >>> 24]
      ^ L3[b & 255] ^ L2[(b >>> 8) & 255] ^ L1[(b >>> 16) & 255] ^ L0[b >>> 24];
    high = H7[a & 255] ^ H6[(a >>> 8) & 255] ^ H5[(a >>> 16) & 255] ^ H4[a >>> 24]
      ^ H3[b & 255] ^ H2[(b >>> 8) & 255] ^ H1[(b >>> 16) & 255] ^ H0[b >>> 24];
  }
  for (const byte of new Uint8Array(buffer, words.length * 4)) {
    const index = (low ^ byte) & 255;
    low = ((low >>> 8) | (high << 24)) ^ L0[index];
    high = (high >>> 8) ^ H0[index];
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0);
}

// Polynomials over GF(2) modulo POLY, highest power in the lowest bit.
function times(a, b) {
  let product = 0n;
  for (let mask = 1n << 63n; mask; mask >>= 1n) {
    if (a & mask) product ^= b;
    b = b & 1n ? (b >> 1n) ^ POLY : b >> 1n;
  }
  return product;
}

/** x to the power of 8 * bytes: what moves a sum over so many bytes. */
function shift(bytes) {
  let power = 1n << 63n, square = 1n << 62n;
  for (let left = BigInt(bytes) * 8n; left; left >>= 1n) {
    if (left & 1n) power = times(square, power);
    square = times(square, square);
  }
  return power;
}

/** The sum of a whole from [sum, bytes] of its parts in order. */
export function combine(parts) {
  const known = new Map();
  let whole = 0n;
  for (const [sum, bytes] of parts) {
    if (!known.has(bytes)) known.set(bytes, shift(bytes));
    whole = times(known.get(bytes), whole) ^ sum;
  }
  return whole;
}
