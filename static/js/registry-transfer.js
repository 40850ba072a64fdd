// One file on its way to COS: parts by presigned URL, four at a time, each checked by its CRC64.
// It knows nothing of the page; it tells `on(state)` how far it is.
import { combine } from "./registry-crc64.js";
import { sha256 } from "./registry-safetensors.js";

const IN_FLIGHT = 4;
const TRIES = 8;
const LONGEST_WAIT_S = 60;
const URL_BATCH = 32;
const URL_MARGIN_MS = 300_000; // a URL this close to its end is asked for anew
const HASH_MOST = 256 << 20; // the browser hashes sha256 only in one piece, which must fit in memory
const SPEED_OVER_MS = 8000;

/** Somebody stopped it; no error. */
class Stopped extends Error {}
/** What a try again cannot help. */
export class Hopeless extends Error {
  constructor(word, params = {}) {
    super(word);
    this.word = word;
    this.params = params;
  }
}

const sums = (() => {
  let worker, next = 0;
  const waiting = new Map();
  return (blob) => new Promise((resolve, reject) => {
    if (!worker) {
      worker = new Worker(new URL("./registry-crc64-worker.js", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }) => {
        const { resolve: done, reject: failed } = waiting.get(data.id);
        waiting.delete(data.id);
        if (data.error) failed(new Hopeless("unreadable"));
        else done(data.sum);
      };
    }
    waiting.set(next, { resolve, reject });
    worker.postMessage({ id: next++, blob });
  });
})();

export class Transfer {
  /** `api`: see registry-upload.js; `upload`: what the console says of it; `on(transfer)` after changes. */
  constructor({ api, file, upload, on }) {
    Object.assign(this, { api, file, upload, on });
    this.state = "paused"; // sending, paused, waiting, summing, sealing, sealed, failed
    this.sent = new Map(); // part number -> bytes COS has of it
    this.flying = new Map(); // part number -> bytes under way
    this.sums = new Map();
    this.urls = new Map();
    this.trace = [];
    this.stops = new Set();
    this.note = null; // [word, params] of a trouble that passes
  }

  get bytes() {
    let total = 0;
    for (const count of this.sent.values()) total += count;
    for (const count of this.flying.values()) total += count;
    return total;
  }

  /** Bytes a second over the last seconds; 0 when unknown. */
  get speed() {
    const first = this.trace[0], last = this.trace.at(-1);
    if (!first || last[0] - first[0] < 400) return 0;
    return Math.max(0, (last[1] - first[1]) * 1000 / (last[0] - first[0]));
  }

  piece(number) {
    const size = this.upload.part_size;
    return this.file.slice((number - 1) * size, Math.min(number * size, this.file.size));
  }

  tell(state = this.state) {
    this.state = state;
    this.on(this);
  }

  /** Goes on until everything is handed over; resolves in any end. */
  async run() {
    this.stop();
    const before = this.running; // whoever pauses and goes on at once must not send everything twice
    let over;
    this.running = new Promise((resolve) => { over = resolve; });
    await before;
    await this.whole();
    over();
  }

  async whole() {
    this.stopped = false;
    this.note = null;
    this.trace = [];
    this.tell("sending");
    try {
      await this.begin();
      await this.learn();
      await this.send();
      await this.seal();
    } catch (error) {
      if (error instanceof Stopped) {
        this.tell("paused");
      } else {
        this.stop();
        this.problem = error;
        this.tell("failed");
      }
    }
  }

  pause() {
    this.stop();
    this.tell("paused");
  }

  stop() {
    this.stopped = true;
    for (const stop of this.stops) stop();
    this.stops.clear();
    this.flying.clear();
  }

  check() {
    if (this.stopped) throw new Stopped();
  }

  /** COS gives the upload its id, once. */
  async begin() {
    if (!this.upload.start_url) return;
    const text = await this.stubborn(0, async () => {
      const answer = await fetch(this.upload.start_url, { method: "POST", signal: this.signal() });
      if (!answer.ok) throw answer;
      return answer.text();
    });
    const id = new DOMParser().parseFromString(text, "text/xml").querySelector("UploadId")?.textContent;
    if (!id) throw new Hopeless("refused", { status: "UploadId" });
    this.upload = await this.api.started(this.upload.id, id);
  }

  /** Which parts COS has in full, from COS itself. */
  async learn() {
    this.sent.clear();
    if (!this.upload.list_url || !this.upload.resumed) return;
    this.upload = { ...await this.api.upload(this.upload.id), resumed: true }; // the URL may have expired
    const text = await this.stubborn(0, async () => {
      const answer = await fetch(this.upload.list_url, { signal: this.signal() });
      if (answer.status === 404) throw new Hopeless("gone");
      if (!answer.ok) throw answer;
      return answer.text();
    });
    for (const part of new DOMParser().parseFromString(text, "text/xml").querySelectorAll("Part")) {
      const number = Number(part.querySelector("PartNumber").textContent);
      const bytes = Number(part.querySelector("Size").textContent);
      if (number <= this.upload.parts_total && bytes === this.piece(number).size) this.sent.set(number, bytes);
    }
    this.tell();
  }

  async send() {
    const left = [];
    for (let number = 1; number <= this.upload.parts_total; number++) if (!this.sent.has(number)) left.push(number);
    const lane = async () => {
      while (left.length) {
        this.check();
        await this.part(left.shift(), left);
      }
    };
    const lanes = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, lane));
    const failed = lanes.filter((one) => one.status === "rejected").map((one) => one.reason);
    const worst = failed.find((one) => !(one instanceof Stopped)) ?? failed[0];
    if (worst) throw worst;
  }

  async part(number, left) {
    const blob = this.piece(number);
    const sum = await this.sum(number);
    await this.stubborn(number, async (tried) => {
      const url = await this.url(number, left, tried);
      const { status, crc } = await this.put(url, number, blob);
      if (status === 404) throw new Hopeless("gone");
      if (status !== 200) throw { status };
      if (crc && crc !== String(sum)) throw { status: "CRC64" };
    });
    this.flying.delete(number);
    this.sent.set(number, blob.size);
    this.tell();
    this.report();
  }

  /** Tell the console how far it is, at most once a second: a reload and other browsers show it. */
  report() {
    const now = performance.now();
    if (this.reported && now - this.reported < 1000) return;
    this.reported = now;
    // A report that gets lost costs nothing: the next one follows, and COS knows better anyway.
    this.api.parts(this.upload.id, [], this.sent.size).catch(() => {});
  }

  async sum(number) {
    if (!this.sums.has(number)) this.sums.set(number, await sums(this.piece(number)));
    return this.sums.get(number);
  }

  /** Asked for in batches, one request at a time; anew when it is old or was refused. */
  async url(number, left, tried) {
    if (tried) this.urls.delete(number);
    while (!(this.urls.get(number)?.until > Date.now())) {
      this.asking ??= this.ask(number, left).finally(() => { this.asking = null; });
      await this.asking;
    }
    return this.urls.get(number).url;
  }

  async ask(number, left) {
    const numbers = [number, ...left.filter((one) => !this.urls.has(one)).slice(0, URL_BATCH - 1)];
    const { urls, expires_s: life } = await this.api.parts(this.upload.id, numbers, this.sent.size);
    const until = Date.now() + life * 1000 - URL_MARGIN_MS;
    for (const [one, url] of Object.entries(urls)) this.urls.set(Number(one), { url, until });
  }

  /** fetch() does not tell how much of a body is sent, so this is the old way. */
  put(url, number, blob) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const stop = () => { request.abort(); reject(new Stopped()); };
      const end = (then) => () => {
        this.stops.delete(stop);
        this.flying.delete(number);
        then();
      };
      this.stops.add(stop);
      request.open("PUT", url);
      request.upload.onprogress = ({ loaded }) => {
        if (this.stopped) return;
        this.flying.set(number, loaded);
        this.measure();
      };
      request.onload = end(() => resolve({
        status: request.status,
        crc: request.getResponseHeader("x-cos-hash-crc64ecma"),
      }));
      request.onerror = end(() => reject(new TypeError("network")));
      request.send(blob);
    });
  }

  measure() {
    const now = performance.now();
    this.trace.push([now, this.bytes]);
    while (this.trace.length > 2 && now - this.trace[0][0] > SPEED_OVER_MS) this.trace.shift();
    if (!this.told || now - this.told > 200) {
      this.told = now;
      this.tell();
    }
  }

  signal() {
    const control = new AbortController();
    this.stops.add(() => control.abort());
    return control.signal;
  }

  /** Try again and again, waiting longer each time; what cannot succeed is thrown at once. */
  async stubborn(number, attempt) {
    for (let tried = 0; ; tried++) {
      this.check();
      try {
        const found = await attempt(tried);
        if (tried) this.note = null;
        return found;
      } catch (error) {
        this.check();
        if (error instanceof Hopeless || error instanceof Stopped) throw error;
        if (error.refusal) throw error; // the console said no, in words
        const status = error.status ?? "";
        if (tried + 1 >= TRIES && navigator.onLine) throw new Hopeless("refused", { status: status || "–" });
        const wait = Math.min(2 ** tried, LONGEST_WAIT_S) * (0.75 + Math.random() / 2);
        this.note = navigator.onLine ? ["retry", { part: number, wait: Math.ceil(wait) }] : ["offline", {}];
        this.tell();
        if (!navigator.onLine) tried = 0;
        await this.rest(wait);
      }
    }
  }

  /** Wait, but not longer than until the network is back or somebody stops it. */
  rest(seconds) {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        window.removeEventListener("online", end);
        this.stops.delete(end);
        resolve();
      };
      const timer = setTimeout(end, navigator.onLine ? seconds * 1000 : 30_000);
      window.addEventListener("online", end);
      this.stops.add(end);
    });
  }

  /** Sums of the whole file, then the console takes over. */
  async seal() {
    this.tell("summing");
    const parts = [];
    for (let number = 1; number <= this.upload.parts_total; number++) {
      this.check();
      parts.push([await this.sum(number), this.piece(number).size]);
    }
    const claim = { crc64: String(combine(parts)) };
    if (this.file.size <= HASH_MOST) claim.sha256 = await sha256(await this.file.arrayBuffer());
    this.check();
    this.tell("sealing");
    const { version } = await this.stubborn(0, () => this.api.seal(this.upload.id, claim));
    this.upload = { ...this.upload, state: "sealed", version };
    this.tell("sealed");
  }
}
