// <time data-when datetime> ticks in the words of apps/core/measures.py; beyond six days the date stays.
const MINUTE = 60, HOUR = 3600, DAY = 86400;
const WORDS = {
  en: {
    now: "just now",
    past: { s: "{n} s ago", m: "{n} min ago", h: "{n} h ago", d: "{n} days ago", d1: "1 day ago" },
    next: { s: "in {n} s", m: "in {n} min", h: "in {n} h", d: "in {n} days", d1: "in 1 day" },
  },
  zh: {
    now: "刚刚",
    past: { s: "{n} 秒前", m: "{n} 分钟前", h: "{n} 小时前", d: "{n} 天前", d1: "1 天前" },
    next: { s: "{n} 秒后", m: "{n} 分钟后", h: "{n} 小时后", d: "{n} 天后", d1: "1 天后" },
  },
};
const words = document.documentElement.lang.startsWith("zh") ? WORDS.zh : WORDS.en;

/** The words for a moment `seconds` ago (negative: ahead); null beyond six days. */
export function ago(seconds) {
  const table = seconds < 0 ? words.next : words.past;
  const span = Math.abs(seconds);
  if (seconds >= 0 && span < 10) return words.now;
  if (span < MINUTE) return table.s.replace("{n}", Math.floor(span));
  if (span < HOUR) return table.m.replace("{n}", Math.floor(span / MINUTE));
  if (span < DAY) return table.h.replace("{n}", Math.floor(span / HOUR));
  const days = Math.floor(span / DAY);
  if (days >= 7) return null;
  return days === 1 ? table.d1 : table.d.replace("{n}", days);
}

// The server's clock counts: a laptop that is five minutes off must not show "in 5 min".
const sent = performance.getEntriesByType("navigation")[0]?.responseStart ?? 0;
const served = Date.parse(document.querySelector("meta[name=served-at]")?.content ?? "");
const skew = Number.isNaN(served) ? 0 : served - (performance.timeOrigin + sent);

export function tick() {
  const now = Date.now() + skew;
  for (const time of document.querySelectorAll("time[data-when]")) {
    const text = ago((now - Date.parse(time.dateTime)) / 1000);
    if (text !== null && time.textContent !== text) time.textContent = text;
  }
}

setInterval(() => document.hidden || tick(), 5000);
document.addEventListener("visibilitychange", () => document.hidden || tick());
