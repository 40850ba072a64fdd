// The theme form, without a reload: the page turns at once, the choice is stored behind it.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-theme-form]") || !event.submitter) return;
  event.preventDefault();
  const theme = event.submitter.value;
  document.documentElement.dataset.theme = theme;
  for (const button of form.querySelectorAll("button")) {
    button.classList.toggle("is-on", button === event.submitter);
  }
  form.closest("details").open = false;
  // Charts drawn on a canvas took their colours from the old theme.
  document.dispatchEvent(new CustomEvent("theme", { detail: { theme } }));
  const body = new FormData(form);
  body.set("theme", theme);
  await fetch(form.action, { method: "POST", body, headers: { "X-Requested-With": "fetch" } });
});
