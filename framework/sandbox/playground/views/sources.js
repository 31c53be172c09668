/** Where an answer comes from: compact chips, and the full list on demand. */
import { t, tn } from "../i18n.js";
import { Icon, OutLink, html, memo, safeUrl, useState } from "../ui.js";

const CHIPS = 3;

/** The custom field `sources` of a message, without repetitions: [{title, url, file, heading}]. */
export function readSources(field) {
  if (!Array.isArray(field)) return [];
  const seen = new Set();
  return field.filter((source) => {
    if (source === null || typeof source !== "object") return false;
    const key = [titleOf(source), source.heading, source.url, source.file].join("\n");
    return !seen.has(key) && seen.add(key);
  });
}

function titleOf(source) {
  return String(source.title || source.file || source.url || t("Source"));
}

export const Sources = memo(({ field }) => {
  const [open, setOpen] = useState(false);
  const sources = readSources(field);
  const flip = () => setOpen(!open);
  const chips = [...new Map(sources.map((source) => [titleOf(source), source])).values()].slice(0, CHIPS);
  return html`<div class="sources">
    <div class="chips"><button class="chip chip-toggle" type="button" aria-expanded=${open} onClick=${flip}><${Icon} name="link" />${tn("{n} source", "{n} sources", sources.length)}</button>
      ${chips.map((source) => html`<${Chip} source=${source} open=${flip} />`)}</div>
    <ol class="source-list" hidden=${!open}>${sources.map((source) => html`<${Line} source=${source} />`)}</ol>
  </div>`;
});

function Chip({ source, open }) {
  const href = source.url ? safeUrl(source.url) : null;
  const title = source.heading ? String(source.heading) : null;
  return href ? html`<${OutLink} href=${href} class="chip" title=${title}>${titleOf(source)}<//>`
    : html`<button class="chip" type="button" title=${title} onClick=${open}>${titleOf(source)}</button>`;
}

function Line({ source }) {
  const href = source.url ? safeUrl(source.url) : null;
  return html`<li>
    ${href ? html`<${OutLink} href=${href}>${titleOf(source)}<//>` : html`<span class="source-title">${titleOf(source)}</span>`}
    ${source.heading && source.heading !== source.title && html`<span class="source-heading">${String(source.heading)}</span>`}
    ${source.file && html`<code>${String(source.file)}</code>`}</li>`;
}
