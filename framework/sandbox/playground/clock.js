/**
 * Times as people read them, in the language of their browser.
 */

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/**
 * Milliseconds since the epoch of a Stream time, which may carry nanosecond digits.
 *
 * @param {string|null|undefined} stamp ISO 8601
 * @returns {number} 0 for a missing or unreadable time
 */
export function millis(stamp) {
  if (!stamp) return 0;
  const parsed = Date.parse(stamp.replace(/(\.\d{3})\d+/, "$1"));
  return Number.isNaN(parsed) ? 0 : parsed;
}

/** @param {string} stamp */
export function timeOfDay(stamp) {
  return TIME.format(millis(stamp));
}

/** @param {string} stamp */
export function fullTime(stamp) {
  return FULL.format(millis(stamp));
}

/** @param {string} stamp @returns {string} "Today", "Yesterday" or the date */
export function dayName(stamp) {
  const days = daysAgo(stamp);
  if (days === 0) return "Today";
  return days === 1 ? "Yesterday" : DAY.format(millis(stamp));
}

/** @param {string} stamp @returns {string} the time today, else the date */
export function shortTime(stamp) {
  if (!stamp) return "";
  return daysAgo(stamp) === 0 ? timeOfDay(stamp) : SHORT_DAY.format(millis(stamp));
}

/** @param {string} stamp @returns {number} whole calendar days */
function daysAgo(stamp) {
  const midnight = (/** @type {number} */ time) => new Date(time).setHours(0, 0, 0, 0);
  return Math.round((midnight(Date.now()) - midnight(millis(stamp))) / 86_400_000);
}
