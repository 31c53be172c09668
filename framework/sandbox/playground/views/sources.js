/**
 * Where an answer comes from: compact chips, and the full list on demand.
 */
import { externalLink, h, safeUrl } from "../dom.js";
import { icon } from "../icons.js";

const CHIPS = 3;

/** @typedef {{title?: string, url?: string, file?: string, heading?: string}} Source */

/**
 * @param {unknown} field the custom field `sources` of a message
 * @returns {Source[]} without repetitions
 */
export function readSources(field) {
  if (!Array.isArray(field)) return [];
  const seen = new Set();
  return field.filter((source) => {
    if (source === null || typeof source !== "object") return false;
    const key = [titleOf(source), source.heading, source.url, source.file].join("\n");
    return !seen.has(key) && seen.add(key);
  });
}

/** @param {Source} source */
function titleOf(source) {
  return String(source.title || source.file || source.url || "Source");
}

/** @param {Source[]} sources @returns {HTMLElement} */
export function sourcesView(sources) {
  const list = h("ol", { class: "source-list", hidden: true }, ...sources.map(line));
  const count = sources.length === 1 ? "1 source" : `${sources.length} sources`;
  const toggle = h("button", { class: "chip chip-toggle", type: "button", "aria-expanded": "false", on: { click: flip } }, icon("link"), count);
  function flip() {
    list.hidden = !list.hidden;
    toggle.setAttribute("aria-expanded", String(!list.hidden));
  }
  const titles = new Map(sources.map((source) => [titleOf(source), source]));
  const chips = [...titles.values()].slice(0, CHIPS).map((source) => chip(source, flip));
  return h("div", { class: "sources" }, h("div", { class: "chips" }, toggle, ...chips), list);
}

/** @param {Source} source @param {() => void} open */
function chip(source, open) {
  const href = safeUrl(source.url);
  if (href && source.url) return externalLink(href, { class: "chip", title: source.heading ?? null }, titleOf(source));
  return h("button", { class: "chip", type: "button", title: source.heading ?? null, on: { click: open } }, titleOf(source));
}

/** @param {Source} source */
function line(source) {
  const href = source.url ? safeUrl(source.url) : null;
  const title = href ? externalLink(href, {}, titleOf(source)) : h("span", { class: "source-title" }, titleOf(source));
  const heading = source.heading && source.heading !== source.title ? h("span", { class: "source-heading" }, source.heading) : null;
  const place = source.file ? h("code", {}, source.file) : null;
  return h("li", {}, title, heading, place);
}
