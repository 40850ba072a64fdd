// The form for pictures: Ctrl-Enter sends it; the prompt says how much room is left when little is.
const form = document.getElementById("ask");
const prompt = form?.querySelector("[data-counted]");

function count() {
  const left = prompt.maxLength - [...prompt.value].length;
  let place = prompt.parentElement.querySelector(".sd-help");
  if (left > 400) return place?.remove();
  if (!place) {
    place = document.createElement("p");
    place.className = "sd-help";
    prompt.after(place);
  }
  place.textContent = `${prompt.maxLength - left} / ${prompt.maxLength}`;
}

prompt?.addEventListener("input", count);
form?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  const button = form.querySelector("button[type=submit]");
  if (button.disabled) return;
  event.preventDefault();
  form.requestSubmit(button);
});
