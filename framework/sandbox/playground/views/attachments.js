/** Files, pictures and cards of a message. */
import { t } from "../i18n.js";
import { Icon, OutLink, html, isOurs, memo, safeUrl, useState } from "../ui.js";

const UNITS = ["B", "KB", "MB", "GB"];
const MOST_ACTIONS = 5;
/** Pictures of other servers that the reader asked to see. */
const shown = new Set();

/** @param {number|undefined} bytes */
export function fileSize(bytes) {
  if (!bytes || bytes < 0) return "";
  const step = Math.min(Math.floor(Math.log(bytes) / Math.log(1024)), UNITS.length - 1);
  return `${(bytes / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${UNITS[step]}`;
}

/** `press` is told which button of a card was pressed. */
export const Attachments = memo(({ attachments, press }) => attachments.map((attachment) =>
  attachment?.type === "card" ? html`<${Card} card=${attachment} press=${press} />` : html`<${Attachment} attachment=${attachment ?? {}} />`));

function Card({ card, press }) {
  const actions = (Array.isArray(card.actions) ? card.actions : []).slice(0, MOST_ACTIONS);
  return html`<div class="card">
    <p class="card-title" dir="auto">${String(card.title ?? "")}</p>
    ${String(card.text ?? "").split("\n").filter(Boolean).map((line) => html`<p class="card-text" dir="auto">${line}</p>`)}
    ${actions.length > 0 && html`<div class="card-actions">${actions.map((action) =>
      html`<button class="suggestion" type="button" onClick=${() => press(action)}>${String(action?.text ?? action?.value ?? "")}</button>`)}</div>`}
  </div>`;
}

function Attachment({ attachment }) {
  const picture = safeUrl(attachment.image_url ?? attachment.thumb_url);
  const name = String(attachment.title ?? attachment.fallback ?? attachment.name ?? t("Attachment"));
  if (picture && !attachment.title_link && !attachment.og_scrape_url) return html`<${Picture} href=${picture} name=${name} />`;
  const target = safeUrl(attachment.asset_url ?? attachment.title_link ?? attachment.og_scrape_url);
  const size = fileSize(Number(attachment.file_size));
  const details = size || (typeof attachment.text === "string" ? attachment.text : attachment.mime_type) || "";
  const inner = html`<${Icon} name=${attachment.title_link ? "link" : "file"} /><span class="attachment-name">${name}</span><span class="attachment-size">${String(details)}</span>`;
  return target ? html`<${OutLink} href=${target} class="attachment-file">${inner}<//>` : html`<div class="attachment-file">${inner}</div>`;
}

/** A picture of another server only loads once it is asked for: that server would learn who reads, when and where. */
export function Picture({ href, name }) {
  const [asked, ask] = useState(isOurs(href) || shown.has(href));
  if (asked) {
    return html`<${OutLink} href=${href} class="attachment-image"><img src=${href} alt=${name} decoding="async" referrerpolicy="no-referrer" /><//>`;
  }
  const show = () => {
    shown.add(href);
    ask(true);
  };
  return html`<button class="attachment-file attachment-hidden" type="button" onClick=${show}><${Icon} name="file" />
    <span class="attachment-name">${name}</span><span class="attachment-size">${t("Show the picture from {host}", { host: new URL(href).host })}</span></button>`;
}
