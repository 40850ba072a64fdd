// Toasts: dismissed by their button; good news leaves by itself, bad news stays until it is read.
const LEAVES_AFTER_MS = 8000;
const place = () => document.getElementById("toasts");

function watch(toast) {
  if (toast.dataset.watched !== undefined) return;
  toast.dataset.watched = "";
  if (!["ok", "run"].includes(toast.dataset.s)) return;
  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), LEAVES_AFTER_MS); };
  const hold = () => clearTimeout(timer);
  toast.addEventListener("pointerenter", hold);
  toast.addEventListener("pointerleave", start);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("focusout", start);
  start();
}

/** Show `text`; state: ok, run, warn, bad. */
export function toast(text, state = "ok") {
  const shape = document.getElementById("toast-shape");
  if (!place() || !shape) return;
  const made = shape.content.firstElementChild.cloneNode(true);
  made.dataset.s = state;
  made.querySelector("span").textContent = text;
  const use = made.querySelector("use");
  const icon = { ok: "circle-check", warn: "alert-triangle", bad: "alert-octagon" }[state] ?? "info-circle";
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${icon}`));
  place().append(made);
  watch(made);
}

for (const shown of place()?.children ?? []) watch(shown);
if (place()) {
  new MutationObserver(() => [...place().children].forEach(watch)).observe(place(), { childList: true });
}

document.addEventListener("click", (event) => {
  event.target.closest?.("[data-dismiss]")?.closest(".sd-toast, .sd-note")?.remove();
});
// An answer may say HX-Trigger: {"toast": {"text": "…", "state": "ok"}}.
document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.state));
document.addEventListener("htmx:response:error", (event) => {
  const status = event.detail.ctx.response.status;
  if (status >= 500) toast(place().dataset.broken, "bad");
  else if (status === 404) toast(place().dataset.missing, "warn");
});
document.addEventListener("htmx:error", () => toast(place().dataset.offline, "bad"));
