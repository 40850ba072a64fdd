// data-open="ID" opens <dialog id=ID>; without a script it stays the link or form it is.
export function show(id) {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement)) return false;
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("input[type=search]")?.select();
  return true;
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-open]");
  if (opener && !event.ctrlKey && !event.metaKey && show(opener.dataset.open)) event.preventDefault();
  if (event.target.closest?.("[data-close]")) event.target.closest("dialog")?.close();
  // A click on the veil lands on the dialog itself, outside its box.
  if (event.target instanceof HTMLDialogElement) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right
      && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});

// The finder: arrows choose among the results, Enter opens the chosen or the first.
document.addEventListener("keydown", (event) => {
  const finder = event.target.closest?.("dialog.sd-finder");
  if (!finder || event.isComposing || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
  const results = [...finder.querySelectorAll(".sd-found a[href]")];
  if (!results.length) return;
  const at = results.findIndex((link) => link.getAttribute("aria-selected") === "true");
  if (event.key === "Enter") {
    if (event.target.matches("input")) {
      event.preventDefault();
      results[Math.max(at, 0)].click();
    }
    return;
  }
  event.preventDefault();
  const next = (at + (event.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1) + results.length) % results.length;
  results.forEach((link, index) => link.setAttribute("aria-selected", String(index === next)));
  results[next].scrollIntoView({ block: "nearest" });
});
