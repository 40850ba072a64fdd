// Buttons with data-copy put all of an id on the clipboard and say so for a moment.
async function put(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  // Plain http on another machine: the old way still works there.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sd-vh";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  event.preventDefault();
  await put(button.dataset.copy);
  const use = button.querySelector("use");
  const icon = use?.getAttribute("href");
  button.dataset.done = "";
  use?.setAttribute("href", icon.replace(/#.*/, "#check"));
  setTimeout(() => {
    delete button.dataset.done;
    use?.setAttribute("href", icon);
  }, 1200);
});
