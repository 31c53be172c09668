/** Names, ids and the coloured initials that stand for a person. */
import { t } from "./i18n.js";
import { Icon, html, isOurs, useState } from "./ui.js";

/** Offered on the first screen. */
export const SUGGESTED_NAMES = ["Maria", "Jonas", "Amara", "Kenji"];

/** The user id for a typed name: lower case, the characters that Stream allows, never empty. Letters outside ASCII become their code points, so that two different names stay different. */
export function userIdFor(name) {
  const plain = name.trim().normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const id = Array.from(plain, (char) => {
    if (/[a-z0-9@_-]/.test(char)) return char;
    return /[\p{L}\p{N}]/u.test(char) ? `u${char.codePointAt(0)?.toString(16)}` : "-";
  }).join("");
  return id.replace(/-+/g, "-").replace(/^-|-$/g, "").slice(0, 64) || "guest";
}

export function displayName(user) {
  return user?.name?.trim() || user?.id || t("Someone");
}

function initials(name) {
  const words = name.split(/[\s_-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => Array.from(word)[0]).join("").toUpperCase();
}

function tintOf(text) {
  let sum = 0;
  for (const char of text) sum = (sum * 33 + (char.codePointAt(0) ?? 0)) % 1021;
  return sum % 6;
}

/** The coloured initials, or the picture, that stand for a person or a bot. */
export function Avatar({ user, bot }) {
  const picture = useState(true);
  const image = picture[0] && isOurs(user?.image) && user.image;
  const tint = bot ? "avatar-bot" : `tint-${tintOf(user?.id ?? "")}`;
  return html`<span class=${`avatar ${tint}`} aria-hidden="true">${
    image ? html`<img src=${image} alt="" onError=${() => picture[1](false)} />` : bot ? html`<${Icon} name="bot" />` : initials(displayName(user))}</span>`;
}
