// A token's colour as the browser computes it, for canvases: colour("--sd-accent") -> "rgb(29, 91, 216)".
// The property itself reads "light-dark(…)"; only a real element resolves it.
const probe = document.createElement("span");
probe.hidden = true;

export function colour(token) {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(${token})`;
  return getComputedStyle(probe).color;
}
