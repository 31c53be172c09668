/** Where an answer comes from: compact chips, and the full list on demand. A source opens its address, or its article beside the conversation. */
import { t, tn } from "../i18n.js";
import { Icon, OutLink, html, memo, safeUrl, useState } from "../ui.js";

const CHIPS = 3;

/** The custom field `sources` of a message, one for each article: [{title, url, file, heading, line}]. */
export function readSources(field) {
  if (!Array.isArray(field)) return [];
  const seen = new Set();
  return field.filter((source) => {
    if (source === null || typeof source !== "object") return false;
    const key = [titleOf(source), source.url, source.file].join("\n");
    return !seen.has(key) && seen.add(key);
  });
}

export function titleOf(source) {
  return String(source.title || source.file || source.url || t("Source"));
}

/** `open(source)` shows an article. */
export const Sources = memo(({ field, open }) => {
  const [listed, list] = useState(false);
  const sources = readSources(field);
  return html`<div class="sources">
    <div class="chips"><button class="chip chip-toggle" type="button" aria-expanded=${listed} onClick=${() => list(!listed)}><${Icon} name="link" />${tn("{n} source", "{n} sources", sources.length)}</button>
      ${sources.slice(0, CHIPS).map((source) => html`<${Place} source=${source} open=${open} chip />`)}</div>
    <ol class="source-list" hidden=${!listed}>${sources.map((source) => html`<li><${Place} source=${source} open=${open} />
      ${source.heading && source.heading !== source.title && html`<span class="source-heading">${String(source.heading)}</span>`}</li>`)}</ol>
  </div>`;
});

function Place({ source, open, chip = false }) {
  const href = source.url ? safeUrl(source.url) : null;
  const title = chip && source.heading ? String(source.heading) : null;
  if (href) return html`<${OutLink} href=${href} class=${chip ? "chip" : "source-title"} title=${title}>${titleOf(source)}<//>`;
  if (typeof source.file !== "string" || !source.file) return html`<span class=${chip ? "chip" : "source-title"} title=${title}>${titleOf(source)}</span>`;
  return html`<button class=${chip ? "chip" : "link-button source-title"} type="button" title=${title} onClick=${() => open(source)}>${titleOf(source)}</button>`;
}
