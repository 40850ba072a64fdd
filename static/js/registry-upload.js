// Uploads of the Models page: files dropped or chosen, read before anything is sent, then sent to COS in parts.
// The console keeps every upload's session, so lanes come back after a reload and in other browsers.
import { check, inspect } from "./registry-inspect.js";
import { fill, Lane, size } from "./registry-lane.js";
import { checkName, checkSize, readHeader, Refusal } from "./registry-safetensors.js";
import { Hopeless, Transfer } from "./registry-transfer.js";
import { toast } from "./toast.js";

const panel = document.getElementById("uploader");
const told = JSON.parse(panel.dataset.told);
const list = panel.querySelector('[data-slot="lanes"]');
const chooser = panel.querySelector("[data-upload-file]");
const lanes = new Set();
const POLL_MS = 1500, POLL_OTHERS_MS = 10_000;
const PUT_AWAY = "sdc-uploads-put-away";

// ---- the console's API ------------------------------------------------------------------------

const token = JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}")["X-CSRFToken"] ?? "";

async function ask(method, path, body) {
  const answer = await fetch(panel.dataset.api + path, {
    method,
    headers: { "X-CSRFToken": token, ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body ? JSON.stringify(body) : undefined,
  });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  const error = new Error(problem.detail ?? answer.statusText);
  // Below 500 the console says no and why; above, another try may help.
  error.refusal = answer.status < 500 && answer.status !== 429;
  error.status = answer.status;
  throw error;
}

const api = {
  open: (wish) => ask("POST", "uploads", wish),
  upload: (id) => ask("GET", `uploads/${id}`),
  uploads: () => ask("GET", `uploads?environment=${encodeURIComponent(told.environment)}`),
  started: (id, uploadId) => ask("POST", `uploads/${id}/started`, { upload_id: uploadId }),
  parts: (id, numbers, done) => ask("POST", `uploads/${id}/parts`, { numbers, parts_done: done }),
  seal: (id, claim) => ask("POST", `uploads/${id}/seal`, claim),
  abort: (id) => ask("DELETE", `uploads/${id}`),
};

const sentence = (error) => {
  if (error instanceof Refusal) return fill(told.refusals[error.code], error.params);
  if (error instanceof Hopeless) return fill(told.words[error.word] ?? error.word, error.params);
  return error.message;
};

// ---- lanes ------------------------------------------------------------------------------------

const acts = { start, choose, pause, resume, abort, dismiss };

function laneMade() {
  const lane = new Lane({ told, act: (name, of) => acts[name](of) });
  lanes.add(lane);
  list.append(lane.li);
  drawPanel();
  return lane;
}

function laneGone(lane) {
  lanes.delete(lane);
  lane.li.remove();
  drawPanel();
}

function drawPanel() {
  panel.classList.toggle("is-empty", !lanes.size);
  const summary = panel.querySelector('[data-slot="summary"]');
  summary.dataset.usual ??= summary.textContent;
  const usual = summary.dataset.usual;
  summary.textContent = lanes.size ? `${fill(told.words.many, { n: lanes.size })} · ${usual}` : usual;
}

/** A file from the person's disk: its header is read here, and the form asks where it belongs. */
async function take(file) {
  const waiting = [...lanes].find((lane) => lane.upload?.state === "open" && !lane.transfer && sameFile(lane.upload, file));
  if (waiting) return goOn(waiting, file);
  const lane = laneMade();
  lane.file = file;
  lane.about(file.name, null, file.size);
  lane.step("upload", "todo");
  lane.meter(null);
  lane.why(lane.word("checking"));
  try {
    checkName(file.name, told.limits);
    checkSize(file.size, told.limits);
    const header = await readHeader(file, told.limits);
    const found = inspect(header);
    const kind = told.types.some(([value]) => value === found.type) ? found.type : "";
    if (!kind) check(found, "checkpoint", told.kinds);
    Object.assign(lane, { found, fingerprint: header.fingerprint });
    lane.about(file.name, found, file.size, lane.word("parameters", { n: found.tensors }));
    drawForm(lane, kind);
  } catch (error) {
    lane.bad(error instanceof Refusal ? sentence(error) : String(error.message ?? error));
  }
}

const sameFile = (upload, file) => upload.file_name === file.name && upload.size_bytes === file.size;

/** "Portrait XL v13.safetensors" belongs to the model portrait-xl, most likely. */
function modelName(name) {
  const bare = name.replace(/\.[^.]*$/, "").replace(/[-_. ]v?\d+(\.\d+)*$/i, "");
  const slug = bare.normalize("NFKD").replace(/[^A-Za-z0-9_]+/g, "-").replace(/^-+|-+$/g, "").toLowerCase();
  return (slug || "model").slice(0, 80);
}

function drawForm(lane, kind) {
  const form = lane.slot("form");
  const { model, type, environment } = form.elements;
  model.value = modelName(lane.file.name);
  type.replaceChildren(...told.types.map(([value, words]) => new Option(words, value, false, value === kind)));
  environment.replaceChildren(...told.environments.map((name) => new Option(name, name, false, name === told.environment)));
  lane.slot("place").hidden = told.environments.length < 2;
  form.hidden = false;
  lane.slot("steps").hidden = true;
  lane.why("");
  lane.buttons("start", "dismiss");
  if (document.activeElement === document.body || list.contains(document.activeElement)) model.select();
}

async function start(lane) {
  const form = lane.slot("form");
  if (!form.reportValidity() || lane.starting) return;
  const { model, type, environment } = form.elements;
  lane.starting = true;
  try {
    check(lane.found, type.value, told.kinds);
    const upload = await api.open({
      environment: environment.value,
      model: model.value,
      type: type.value,
      file_name: lane.file.name,
      size_bytes: lane.file.size,
      fingerprint: lane.fingerprint,
      header: { family: lane.found.family, variant: lane.found.variant, precision: lane.found.precision },
    });
    form.hidden = true;
    lane.slot("steps").hidden = false;
    run(lane, upload);
  } catch (error) {
    lane.why(sentence(error), "bad");
  } finally {
    lane.starting = false;
  }
}

function run(lane, upload) {
  lane.upload = upload;
  lane.why("");
  lane.transfer = new Transfer({ api, file: lane.file, upload, on: (of) => { if (lane.transfer === of) drawTransfer(lane); } });
  lane.transfer.run();
}

function drawTransfer(lane) {
  const { transfer } = lane;
  lane.upload = transfer.upload;
  const total = lane.upload.size_bytes, done = transfer.bytes;
  if (transfer.state === "sealed") {
    lane.transfer = null;
    lane.why("");
    drawSealed(lane, lane.upload.version);
    poll();
    return;
  }
  lane.step("upload", transfer.state === "failed" ? "bad" : "run");
  lane.meter(Math.min(done / total, 1), transfer.state === "paused" ? "hold" : transfer.state === "failed" ? "bad" : "run");
  const speed = transfer.state === "sending" ? transfer.speed : 0;
  const words = { paused: "paused", summing: "summing", sealing: "sealing" }[transfer.state];
  const pace = speed ? `${lane.word("speed", { size: size(Math.round(speed)) })} · ${lane.time((total - done) / speed)}` : "";
  lane.numbers(`${size(done)} / ${size(total)}`, words ? lane.word(words) : pace);
  if (transfer.state === "failed") {
    lane.why(sentence(transfer.problem), "bad");
    lane.buttons("resume", "abort");
  } else {
    lane.why(transfer.note ? lane.word(...transfer.note) : "", "warn");
    lane.buttons(...(transfer.state === "paused" ? ["resume", "abort"] : transfer.state === "sending" ? ["pause", "abort"] : []));
  }
}

function pause(lane) {
  lane.transfer?.pause();
}

async function resume(lane) {
  const { transfer } = lane;
  transfer.upload = { ...transfer.upload, resumed: true };
  transfer.run();
}

/** Go on with an upload that was begun elsewhere or before a reload. */
async function goOn(lane, file) {
  if (file.size !== lane.upload.size_bytes) {
    const params = { found: size(file.size), wanted: size(lane.upload.size_bytes) };
    lane.why(lane.word("size", params), "bad");
    return;
  }
  try {
    const header = await readHeader(file, told.limits);
    if (lane.upload.fingerprint && header.fingerprint && header.fingerprint !== lane.upload.fingerprint) {
      lane.why(lane.word("other"), "bad");
      return;
    }
    lane.file = file;
    run(lane, { ...await api.upload(lane.upload.id), resumed: true });
  } catch (error) {
    lane.why(sentence(error), "bad");
  }
}

function choose(lane) {
  const input = chooser.cloneNode();
  input.multiple = false;
  input.onchange = () => input.files[0] && goOn(lane, input.files[0]);
  input.dataset.uploadFor = lane.upload.id;
  lane.li.querySelector("input[type=file]")?.remove();
  lane.li.append(input);
  input.click();
}

async function abort(lane) {
  lane.transfer?.stop();
  lane.transfer = null;
  try {
    await api.abort(lane.upload.id);
    toast(lane.word("aborted", { name: lane.upload.file_name }), "ok");
    laneGone(lane);
  } catch (error) {
    lane.why(sentence(error), "bad");
  }
}

function dismiss(lane) {
  if (lane.upload) putAway([...putAway(), lane.upload.id]);
  laneGone(lane);
}

/** Lanes this person put away in this tab. */
function putAway(ids) {
  if (ids) sessionStorage.setItem(PUT_AWAY, JSON.stringify(ids.slice(-100)));
  return JSON.parse(sessionStorage.getItem(PUT_AWAY) ?? "[]");
}

// ---- what the console does with them ------------------------------------------------------------

function drawSealed(lane, version) {
  lane.link(version.url);
  const over = ["ready", "blocked"].includes(version.phase);
  lane.buttons(...(over ? ["dismiss"] : []));
  if (version.verdict === "refused" || version.phase === "blocked") {
    lane.li.classList.add("is-bad");
    lane.icon("file-alert");
    lane.step(version.verdict === "clean" ? "publish" : version.family ? "scan" : "verify", "bad");
    lane.meter(null);
    lane.numbers();
    lane.why(version.message, "bad");
  } else if (version.phase === "ready") {
    lane.step("done");
    lane.meter(1, "ok");
    lane.numbers(lane.word("published", { name: version.name }));
    lane.why("");
  } else {
    const clean = version.verdict === "clean";
    lane.step(clean ? "publish" : "verify");
    lane.meter(clean ? version.copied_bytes / version.size_bytes : 0);
    lane.numbers(lane.word(clean ? "publishing" : "joining"));
    lane.why(version.phase === "degraded" ? version.message : "", "warn");
  }
}

/** An open upload whose file this tab does not hold. */
function drawWaiting(lane) {
  const { upload } = lane;
  lane.about(upload.file_name, upload.header, upload.size_bytes, upload.model);
  lane.step("upload");
  lane.meter(upload.parts_done / upload.parts_total, "hold");
  lane.numbers(`${upload.parts_done} / ${upload.parts_total}`);
  if (!lane.slot("why").classList.contains("sd-fg-bad")) {
    lane.why(lane.word("continue", { done: upload.parts_done, total: upload.parts_total }));
  }
  lane.buttons("choose", "abort");
}

let timer;
let unsettled = new Set();

/** Ask what became of uploads handed over, and which others are open. */
async function poll() {
  clearTimeout(timer);
  let found;
  try {
    found = await api.uploads();
  } catch {
    timer = setTimeout(poll, POLL_OTHERS_MS);
    return;
  }
  const away = new Set(putAway());
  const known = new Map([...lanes].filter((lane) => lane.upload).map((lane) => [lane.upload.id, lane]));
  for (const upload of [...found].reverse()) {
    let lane = known.get(upload.id);
    known.delete(upload.id);
    if (lane?.transfer || (away.has(upload.id) && upload.state !== "open")) continue;
    lane ??= laneMade();
    lane.upload = upload;
    if (upload.version) {
      lane.about(upload.file_name, { ...upload.header, family: upload.version.family || upload.header.family }, upload.size_bytes);
      drawSealed(lane, upload.version);
    } else {
      drawWaiting(lane);
    }
  }
  // Given up or long done: the console does not tell of them any more.
  for (const lane of known.values()) if (!lane.transfer) laneGone(lane);
  const now = new Set(found.filter((one) => one.version && !["ready", "blocked"].includes(one.version.phase)).map((one) => one.id));
  if ([...unsettled].some((id) => !now.has(id)) || [...now].some((id) => !unsettled.has(id))) {
    document.body.dispatchEvent(new CustomEvent("sd-models"));
  }
  unsettled = now;
  const others = found.some((one) => one.state === "open" && !known.has(one.id));
  if (now.size) timer = setTimeout(poll, POLL_MS);
  else if (others) timer = setTimeout(poll, POLL_OTHERS_MS);
}

// ---- files come in ------------------------------------------------------------------------------

const veil = document.getElementById("drop-veil");
const bringsFiles = (event) => [...event.dataTransfer?.types ?? []].includes("Files");

document.addEventListener("dragenter", (event) => { if (bringsFiles(event)) veil.hidden = false; });
document.addEventListener("dragover", (event) => { if (bringsFiles(event)) event.preventDefault(); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) veil.hidden = true; });
document.addEventListener("drop", async (event) => {
  if (!bringsFiles(event)) return;
  event.preventDefault();
  veil.hidden = true;
  for (const file of await dropped(event.dataTransfer)) take(file);
});

/** The files of a drop; of folders, the model files in them. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  const found = [];
  const walk = async (entry, inside) => {
    if (entry?.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      if (!inside || file.name.endsWith(".safetensors")) found.push(file);
    } else if (entry?.isDirectory) {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) break;
        for (const one of some) await walk(one, true);
      }
    }
  };
  for (const entry of entries) await walk(entry, false);
  return found;
}

document.querySelector("[data-upload-choose]").addEventListener("click", () => chooser.click());
chooser.addEventListener("change", () => {
  for (const file of [...chooser.files]) take(file);
  chooser.value = "";
});
window.addEventListener("beforeunload", (event) => {
  if ([...lanes].some((lane) => lane.transfer && lane.transfer.state !== "paused")) event.preventDefault();
});

document.getElementById("model-names").replaceChildren(...Object.keys(told.models).map((name) => new Option(name)));
drawPanel();
poll();
