// Review: hold P to see the original, a guard against keys held down, the lease, pictures ahead.
// Everything also works by forms and links; keys press their buttons through data-key (keys.js).
const GUARD_MS = 250; // a key this soon after a new picture was meant for the one before
const LOOK_AGAIN_MS = 5000;
const DECIDES = new Set([..."afesu"]);
const WRITES = "input:not([type=radio], [type=hidden], [type=submit]), textarea, select, [contenteditable]";

let opened = 0; // since when the original is shown, ms; 0 = it is not
let seen = 0; // how long it was shown before that
let painted = 0; // when the present picture appeared
let leaseEnds = 0;

const frame = () => document.querySelector("[data-picture]");
const peek = () => document.querySelector("[data-peek]");
const csrf = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const openFor = () => seen + (opened ? performance.now() - opened : 0);

function show(open) {
  const picture = frame();
  if (!picture || open === Boolean(opened)) return;
  if (open) {
    opened = performance.now();
  } else {
    seen = openFor();
    opened = 0;
  }
  picture.dataset.mode = open ? "open" : picture.dataset.preview;
  peek()?.setAttribute("aria-pressed", String(open));
  note();
}

function note() {
  const told = frame()?.querySelector("[data-seen]");
  if (told) told.textContent = seconds(openFor());
  const form = document.getElementById("decide");
  if (!form) return;
  form.elements.seen_ms.value = String(Math.round(openFor()));
  form.elements.seen_mode.value = openFor() ? "open" : frame().dataset.preview;
}

// A new picture: counted anew, and the next ones decoded before they are asked for.
function arrive() {
  opened = seen = 0;
  painted = performance.now();
  const image = frame()?.querySelector("img");
  image?.decode?.().then(() => { painted = performance.now(); }, () => {});
  for (const next of document.querySelectorAll("[data-next] img")) next.decode?.().catch(() => {});
  const ring = document.querySelector("[data-until]");
  leaseEnds = ring ? performance.now() + Number(ring.dataset.until) * 1000 : 0;
}

function count() {
  const undo = document.querySelector("[data-undo]");
  if (undo && !undo.dataset.ends) undo.dataset.ends = String(performance.now() + Number(undo.dataset.undo) * 1000);
  if (undo) {
    const left = Math.ceil((Number(undo.dataset.ends) - performance.now()) / 1000);
    if (left <= 0) undo.closest("form").remove();
    else undo.querySelector(".sdm-left").textContent = undo.querySelector(".sdm-left").textContent.replace(/\d+/, left);
  }
  const ring = document.querySelector("[data-until]");
  if (ring && leaseEnds) {
    const left = Math.max(0, Math.round((leaseEnds - performance.now()) / 1000));
    ring.querySelector("b").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    ring.querySelector(".v").setAttribute("stroke-dasharray", `${(81.7 * left / Number(ring.dataset.of)).toFixed(1)} 81.7`);
  }
  if (opened) note();
}

async function renew() {
  const page = document.getElementById("review");
  if (!page || !leaseEnds || document.hidden) return;
  const answer = await fetch(page.dataset.renew, { method: "POST", headers: { "X-CSRFToken": csrf() } }).catch(() => null);
  const ring = document.querySelector("[data-until]");
  if (answer?.status === 204 && ring) leaseEnds = performance.now() + Number(ring.dataset.of) * 1000;
  else if (answer?.status === 409) location.reload();
}

// Before keys.js hears of it: a key held down, or pressed for the picture before, decides nothing.
document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(WRITES)) return;
  const key = event.key.toLowerCase();
  if (key === "p" && peek()) {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!event.repeat) show(true);
  } else if (document.getElementById("decide") && DECIDES.has(key)
    && (event.repeat || performance.now() - painted < GUARD_MS)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  } else if (["ArrowRight", "ArrowDown"].includes(event.key) && !event.target.matches("input")) {
    const next = document.querySelector("[data-next]");
    if (next) { event.preventDefault(); next.click(); }
  } else if (["ArrowLeft", "ArrowUp"].includes(event.key) && !event.target.matches("input")) {
    const ahead = document.querySelectorAll("[data-next]");
    if (ahead.length && history.length > 1) { event.preventDefault(); history.back(); }
  }
}, true);
document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "p") show(false); });
addEventListener("blur", () => show(false));

document.addEventListener("pointerdown", (event) => { if (event.target.closest?.("[data-peek]") && event.button === 0) show(true); });
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => show(false));
document.addEventListener("click", (event) => { if (event.target.closest?.("[data-peek]")) event.preventDefault(); });
document.addEventListener("dragstart", (event) => { if (event.target.closest?.("[data-peek], [data-picture]")) event.preventDefault(); });

// The preview is a person's own setting: shown at once, kept by the server.
document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("[data-previews]");
  if (!form || !event.submitter) return;
  event.preventDefault();
  const preview = event.submitter.value;
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === event.submitter));
  for (const one of document.querySelectorAll("[data-mode]")) one.dataset.mode = preview;
  const picture = frame();
  if (picture) picture.dataset.preview = preview;
  note();
  fetch(form.action, {
    method: "POST",
    headers: { "X-CSRFToken": csrf(), "X-Requested-With": "fetch", "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ preview }),
  }).catch(() => {});
});
document.addEventListener("submit", note, true);

// The part is swapped whole; whichever way it came, a new picture is a new <figure>.
let present = frame();
new MutationObserver(() => {
  if (frame() !== present) {
    present = frame();
    arrive();
  }
}).observe(document.getElementById("main"), { childList: true, subtree: true });

arrive();
setInterval(count, 250);
const page = document.getElementById("review");
if (page) {
  setInterval(renew, Number(page.dataset.heartbeat) * 1000);
  // An empty queue is asked again only while somebody looks: being asked hands out pictures.
  setInterval(() => { if (!document.hidden) document.querySelector("[data-again]")?.click(); }, LOOK_AGAIN_MS);
}
