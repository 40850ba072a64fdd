// Named slices beside "How much" become buttons that fill compute and memory; without a script they stay text.
const core = document.getElementById("id_core");
const gib = document.getElementById("id_slice_gib");

function fill(field, value) {
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function buttonFor(profile) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm";
  button.append(...profile.childNodes);
  button.addEventListener("click", () => {
    fill(core, profile.dataset.core);
    fill(gib, profile.dataset.gib);
  });
  return button;
}

function mark(buttons) {
  for (const [profile, button] of buttons) {
    const chosen = profile.dataset.core === core.value && profile.dataset.gib === gib.value;
    button.setAttribute("aria-pressed", String(chosen));
  }
}

const profiles = document.querySelectorAll("[data-profiles] > [data-core]");
if (core && gib && profiles.length) {
  const buttons = [...profiles].map((profile) => [profile, buttonFor(profile)]);
  for (const [profile, button] of buttons) profile.replaceWith(button);
  for (const field of [core, gib]) field.addEventListener("input", () => mark(buttons));
  mark(buttons);
}
