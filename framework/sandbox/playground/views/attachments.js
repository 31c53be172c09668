/**
 * Files and pictures of a message.
 */
import { externalLink, h, safeUrl } from "../dom.js";
import { icon } from "../icons.js";

const UNITS = ["B", "KB", "MB", "GB"];

/** @param {number|undefined} bytes @returns {string} */
export function fileSize(bytes) {
  if (!bytes || bytes < 0) return "";
  const step = Math.min(Math.floor(Math.log(bytes) / Math.log(1024)), UNITS.length - 1);
  return `${(bytes / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${UNITS[step]}`;
}

/** Pictures of other servers that the reader asked to see. @type {Set<string>} */
const shown = new Set();

/** @param {string} href @returns {boolean} whether this server has the file: loading it tells nobody else who reads */
function isOurs(href) {
  const url = new URL(href);
  const here = (/** @type {string} */ name) => name === "localhost" || name === "127.0.0.1" || name === "[::1]";
  return url.origin === location.origin || (url.port === location.port && here(url.hostname) && here(location.hostname));
}

/** @param {string} href @param {string} name */
function pictureView(href, name) {
  const image = h("img", { src: href, alt: name, decoding: "async", referrerpolicy: "no-referrer" });
  return externalLink(href, { class: "attachment-image" }, image);
}

/** A picture that only loads once it is asked for: its server would learn who reads, when and where. @param {string} href @param {string} name */
function hiddenPicture(href, name) {
  const show = () => {
    shown.add(href);
    button.replaceWith(pictureView(href, name));
  };
  const button = h("button", { class: "attachment-file attachment-hidden", type: "button", on: { click: show } }, icon("file"),
    h("span", { class: "attachment-name" }, name), h("span", { class: "attachment-size" }, `Show the picture from ${new URL(href).host}`));
  return button;
}

/**
 * @param {any[]} attachments
 * @param {(action: any) => void} press what a button of a card does
 * @returns {HTMLElement[]}
 */
export function attachmentViews(attachments, press) {
  return attachments.map((attachment) => (attachment?.type === "card" ? card(attachment, press) : view(attachment ?? {})));
}

/** @param {any} attachment @param {(action: any) => void} press */
function card(attachment, press) {
  const actions = (Array.isArray(attachment.actions) ? attachment.actions : []).slice(0, 5);
  const buttons = actions.map((/** @type {any} */ action) =>
    h("button", { class: "suggestion", type: "button", on: { click: () => press(action) } }, String(action?.text ?? action?.value ?? "")));
  const lines = String(attachment.text ?? "").split("\n").filter(Boolean).map((line) => h("p", { class: "card-text", dir: "auto" }, line));
  return h("div", { class: "card" }, h("p", { class: "card-title", dir: "auto" }, String(attachment.title ?? "")), ...lines,
    buttons.length ? h("div", { class: "card-actions" }, ...buttons) : null);
}

/** @param {Record<string, any>} attachment */
function view(attachment) {
  const picture = safeUrl(attachment.image_url ?? attachment.thumb_url);
  const name = String(attachment.title ?? attachment.fallback ?? attachment.name ?? "Attachment");
  if (picture && !attachment.title_link && !attachment.og_scrape_url) {
    return isOurs(picture) || shown.has(picture) ? pictureView(picture, name) : hiddenPicture(picture, name);
  }
  const target = safeUrl(attachment.asset_url ?? attachment.title_link ?? attachment.og_scrape_url);
  const size = fileSize(Number(attachment.file_size));
  const details = size || (typeof attachment.text === "string" ? attachment.text : attachment.mime_type) || "";
  const inner = [icon(attachment.title_link ? "link" : "file"), h("span", { class: "attachment-name" }, name), h("span", { class: "attachment-size" }, details)];
  return target ? externalLink(target, { class: "attachment-file" }, ...inner) : h("div", { class: "attachment-file" }, ...inner);
}
