/** The developer's corner: the last events and calls on the wire. */
import { t } from "../i18n.js";
import { html, memo, useLayoutEffect, useRef, useState } from "../ui.js";
import { PanelHead } from "./thread.js";

const SHOWN = 120;

export function Wire({ chat }) {
  const { store } = chat;
  const [wanted, setWanted] = useState("");
  const filter = useRef(null);
  useLayoutEffect(() => filter.current.focus(), []);
  const matches = (entry) => `${entry.type} ${entry.about}`.toLowerCase().includes(wanted.trim().toLowerCase());
  const entries = store.wire.filter(matches).slice(-SHOWN).reverse();
  return html`<section class="panel-body wire" aria-label=${t("Events on the wire")}>
    <${PanelHead} title=${t("On the wire")} closeLabel=${t("Close the list of events")} close=${() => chat.closePanel("wire")} />
    <div class="wire-tools"><input type="search" class="wire-filter" placeholder=${t("Filter, for example message")} aria-label=${t("Filter events")} ref=${filter} onInput=${(event) => setWanted(event.target.value)} />
      <button class="button button-small" type="button" onClick=${() => (store.wire.splice(0), store.emit("wire"))}>${t("Clear")}</button></div>
    <ol class="wire-list" aria-label=${t("Events, the newest first")} data-empty=${t("Nothing yet.")}>${entries.map((entry) => html`<${Entry} key=${entry.key} entry=${entry} />`)}</ol>
    <p class="wire-legend"><b class="way way-in">in</b> ${t("WebSocket events")} ${" "}<b class="way way-out">out</b> ${t("REST calls")}</p>
  </section>`;
}

const Entry = memo(({ entry }) => {
  const [open, setOpen] = useState(false);
  return html`<li><details class=${entry.failed ? "is-failed" : null} onToggle=${(event) => setOpen(event.target.open)}>
    <summary><time>${clockTime(entry.at)}</time><b class=${`way way-${entry.way}`}>${entry.way}</b><span class="wire-type">${entry.type}</span>
      ${entry.count > 1 && html`<span class="wire-count">× ${entry.count}</span>`}<span class="wire-about">${entry.about}</span></summary>
    ${open && html`<pre tabindex="0">${JSON.stringify(entry.payload, null, 2)}</pre>`}
  </details></li>`;
});

/** With milliseconds, for reading gaps between events. */
function clockTime(at) {
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(11, 23);
}
