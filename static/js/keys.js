// Keyboard: Ctrl-K or / search, ? the sheet, g + letter goes, J/K rows, X selects, data-key="N" presses.
// Silent in text fields, while an input method composes, and inside a dialog.
import { show } from "./dialog.js";

const WRITES = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";
let going = 0; // until when a letter after "g" counts, ms

const rows = () => [...document.querySelectorAll("#rows tbody tr:not(.sd-sub), #rows [data-walk] > li")].filter((row) => row.querySelector("a[href]"));

function walk(step) {
  const all = rows();
  if (!all.length) return false;
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
  const link = all[next].querySelector("a.sd-name") ?? all[next].querySelector("a[href]");
  link.focus({ focusVisible: true });
  all[next].scrollIntoView({ block: "nearest" });
  return true;
}

function select() {
  const box = document.activeElement?.closest("#rows tbody tr")?.querySelector("input[type=checkbox]");
  box?.click();
  return Boolean(box);
}

function press(selector) {
  const found = [...document.querySelectorAll(selector)].find((one) => one.checkVisibility());
  found?.click();
  return Boolean(found);
}

function find() {
  const own = document.querySelector("[data-list-search]");
  if (!own) return show("search");
  own.focus();
  own.select();
  return true;
}

function act(key, event) {
  if (going > event.timeStamp) {
    going = 0;
    return press(`[data-go="${CSS.escape(key.toLowerCase())}"]`);
  }
  switch (key) {
    case "g":
      going = event.timeStamp + 1500;
      return true;
    case "/": return find();
    case "?": return show("keys");
    case "j": return walk(1);
    case "k": return walk(-1);
    case "x": return select() || press('[data-key="x"]');
    default: return key.length === 1 && press(`[data-key="${CSS.escape(key.toLowerCase())}"]`);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
    if (show("search")) event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.(WRITES) || event.target.closest?.("dialog")) return;
  if (act(event.key, event)) event.preventDefault();
});
