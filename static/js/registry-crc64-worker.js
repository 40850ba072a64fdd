// Sums pieces of a file beside the page, so that it never stutters.
import { crc64 } from "./registry-crc64.js";

self.onmessage = async ({ data: { id, blob } }) => {
  try {
    self.postMessage({ id, sum: crc64(await blob.arrayBuffer()) });
  } catch (error) {
    self.postMessage({ id, error: String(error) });
  }
};
