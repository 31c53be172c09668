/** Times as people read them, in the language of their browser. */
import { t } from "./i18n.js";

const TIME = new Intl.DateTimeFormat(navigator.languages, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(navigator.languages, { weekday: "long", day: "numeric", month: "long" });
const SHORT_DAY = new Intl.DateTimeFormat(navigator.languages, { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat(navigator.languages, { dateStyle: "full", timeStyle: "medium" });

/** Milliseconds since the epoch of a Stream time, which may carry nanosecond digits. */
export function millis(stamp) {
  if (!stamp) return 0;
  const parsed = Date.parse(stamp.replace(/(\.\d{3})\d+/, "$1"));
  return Number.isNaN(parsed) ? 0 : parsed;
}

export function timeOfDay(stamp) {
  return TIME.format(millis(stamp));
}

export function fullTime(stamp) {
  return FULL.format(millis(stamp));
}

export function dayName(stamp) {
  const days = daysAgo(stamp);
  if (days === 0) return t("Today");
  return days === 1 ? t("Yesterday") : DAY.format(millis(stamp));
}

export function shortTime(stamp) {
  if (!stamp) return "";
  return daysAgo(stamp) === 0 ? timeOfDay(stamp) : SHORT_DAY.format(millis(stamp));
}

function daysAgo(stamp) {
  const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);
  return Math.round((midnight(Date.now()) - midnight(millis(stamp))) / 86_400_000);
}
