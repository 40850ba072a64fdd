// One upload as a lane of the list: draws what it is told, from the shape in the page.
const ICONS = { ok: "circle-check", run: "loader-2", todo: "circle", bad: "circle-x" };
const STEPS = ["upload", "verify", "scan", "publish"];

/** "%(n)s parts" with its places filled. */
export const fill = (text, params = {}) =>
  text.replace(/%\((\w+)\)s|%%/g, (found, name) => (found === "%%" ? "%" : String(params[name] ?? "")));

/** Bytes in three digits, as the server writes them. */
export function size(count) {
  let value = count, unit = 0;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  while (value >= 999.5 && unit < 4) { value /= 1024; unit++; }
  if (!unit) return `${count} B`;
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${units[unit]}`;
}

export class Lane {
  constructor({ told, act }) {
    this.told = told;
    this.li = document.getElementById("lane-shape").content.firstElementChild.cloneNode(true);
    this.li.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) act(button.dataset.do, this);
    });
    this.slot("form").addEventListener("submit", (event) => {
      event.preventDefault();
      act("start", this);
    });
  }

  slot(name) {
    return this.li.querySelector(`[data-slot="${name}"]`);
  }

  text(name, words) {
    const slot = this.slot(name);
    if (slot.textContent !== words) slot.textContent = words;
    if (slot.hasAttribute("hidden") || name === "family" || name === "why") slot.hidden = !words;
  }

  word(name, params) {
    return fill(this.told.words[name], params);
  }

  /** The file's name, what it was recognised as, and its size. */
  about(name, found, bytes, extra = "") {
    this.text("name", name);
    this.slot("name").title = name;
    this.text("family", found?.family ?? "");
    this.text("about", [size(bytes), found?.precision, found?.variant, extra].filter(Boolean).join(" · "));
  }

  buttons(...shown) {
    for (const button of this.li.querySelectorAll("[data-do]")) button.hidden = !shown.includes(button.dataset.do);
  }

  link(url) {
    const link = this.slot("link");
    link.hidden = !url;
    if (url) link.href = url;
  }

  /** Which of the four steps is under way, or went wrong; all before it are done ("done": all). */
  step(current, state = "run") {
    const at = current === "done" ? STEPS.length : STEPS.indexOf(current);
    STEPS.forEach((name, index) => {
      const item = this.li.querySelector(`[data-step="${name}"]`);
      const now = index < at ? "ok" : index === at ? state : "todo";
      item.dataset.s = now;
      const icon = now === "run" && item.dataset.icon ? item.dataset.icon : ICONS[now];
      const use = item.querySelector("use");
      const href = use.getAttribute("href").replace(/#.*/, `#${icon}`);
      if (use.getAttribute("href") !== href) use.setAttribute("href", href);
      item.querySelector("svg").classList.toggle("sd-spin", icon === "loader-2");
    });
  }

  /** done 0 to 1; null = no bar. */
  meter(done, state = "run") {
    const meter = this.slot("meter");
    meter.hidden = done === null;
    if (done === null) {
      this.text("percent", "");
      return;
    }
    const percent = Math.floor(done * 100);
    meter.setAttribute("aria-valuenow", percent);
    const bar = meter.querySelector("rect");
    bar.setAttribute("width", `${(done * 100).toFixed(2)}%`);
    bar.dataset.s = state;
    this.text("percent", `${percent}%`);
  }

  numbers(bytes = "", left = "") {
    this.text("bytes", bytes);
    this.text("left", left);
  }

  why(sentence, state = "") {
    this.text("why", sentence);
    this.slot("why").classList.toggle("sd-fg-bad", state === "bad");
    this.slot("why").classList.toggle("sd-fg-warn", state === "warn");
    if (state === "bad") this.slot("why").setAttribute("role", "alert");
    else this.slot("why").removeAttribute("role");
  }

  /** Refused before a byte was sent, or by a rule: the sentence instead of a bar. */
  bad(sentence) {
    this.li.classList.add("is-bad");
    this.icon("file-alert");
    this.slot("form").hidden = true;
    this.meter(null);
    this.numbers();
    this.why(sentence, "bad");
    this.buttons("dismiss");
  }

  icon(name) {
    const use = this.li.querySelector(".sdm-ficon use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
  }

  time(seconds) {
    if (!Number.isFinite(seconds)) return "";
    const whole = Math.max(1, Math.round(seconds));
    const time = whole < 60 ? this.word("seconds", { n: whole })
      : whole < 3600 ? this.word("minutes", { m: Math.floor(whole / 60), s: whole % 60 })
      : this.word("hours", { h: Math.floor(whole / 3600), m: Math.floor((whole % 3600) / 60) });
    return this.word("left", { time });
  }
}
