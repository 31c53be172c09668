/**
 * Names, ids and the coloured initials that stand for a person.
 */
import { h } from "./dom.js";
import { icon } from "./icons.js";

/** Offered on the first screen. */
export const SUGGESTED_NAMES = ["Maria", "Jonas", "Amara", "Kenji"];

/**
 * The user id for a typed name: lower case, the characters that Stream allows, never empty.
 * Letters outside ASCII become their code points, so that two different names stay different.
 *
 * @param {string} name
 * @returns {string} at most 64 characters
 */
export function userIdFor(name) {
  const plain = name.trim().normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const id = Array.from(plain, (char) => {
    if (/[a-z0-9@_-]/.test(char)) return char;
    return /[\p{L}\p{N}]/u.test(char) ? `u${char.codePointAt(0)?.toString(16)}` : "-";
  }).join("");
  return id.replace(/-+/g, "-").replace(/^-|-$/g, "").slice(0, 64) || "guest";
}

/**
 * @param {{id?: string, name?: string}|null|undefined} user
 * @returns {string}
 */
export function displayName(user) {
  return user?.name?.trim() || user?.id || "Someone";
}

/** @param {string} name @returns {string} one or two letters */
function initials(name) {
  const words = name.split(/[\s_-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => Array.from(word)[0]).join("").toUpperCase();
}

/** @param {string} text @returns {number} 0 to 5, the same for the same text */
function tintOf(text) {
  let sum = 0;
  for (const char of text) sum = (sum * 33 + (char.codePointAt(0) ?? 0)) % 1021;
  return sum % 6;
}

/**
 * @param {{id?: string, name?: string}|null|undefined} user
 * @param {{bot?: boolean, online?: boolean}} [options] `online` left out: no presence dot
 */
export function avatar(user, options = {}) {
  const classes = ["avatar", options.bot ? "avatar-bot" : `tint-${tintOf(user?.id ?? "")}`];
  if (options.online) classes.push("is-online");
  const mark = options.bot ? icon("bot") : initials(displayName(user));
  return h("span", { class: classes.join(" "), "aria-hidden": "true" }, mark);
}
