/**
 * The developer's corner: the last events and calls on the wire.
 */
import { h, oncePerFrame } from "../dom.js";
import { icon } from "../icons.js";

const SHOWN = 120;

/** @param {import("../chat.js").Chat} chat @returns {HTMLElement} */
export function wireView(chat) {
  const { store } = chat;
  const list = h("ol", { class: "wire-list", "aria-label": "Events, the newest first" });
  const filter = /** @type {HTMLInputElement} */ (h("input", { type: "search", class: "wire-filter", placeholder: "Filter, for example message", "aria-label": "Filter events", on: { input: () => render() } }));
  const clear = h("button", { class: "button button-small", type: "button", on: { click: () => (store.wire.splice(0), render()) } }, "Clear");
  const close = h("button", { class: "icon-button", type: "button", "aria-label": "Close the list of events", on: { click: () => chat.closePanel("wire") } }, icon("close"));
  const node = h("section", { class: "panel-body wire", "aria-label": "Events on the wire", hidden: true },
    h("div", { class: "panel-head" }, h("h2", {}, "On the wire"), close),
    h("div", { class: "wire-tools" }, filter, clear), list,
    h("p", { class: "wire-legend" }, h("b", { class: "way way-in" }, "in"), " WebSocket events  ", h("b", { class: "way way-out" }, "out"), " REST calls"));
  /** @type {Map<number, {row: HTMLElement, stamp: string}>} */
  const rows = new Map();
  const render = () => {
    if (node.hidden) return;
    const wanted = filter.value.trim().toLowerCase();
    const entries = store.wire.filter((entry) => `${entry.type} ${entry.about}`.toLowerCase().includes(wanted)).slice(-SHOWN).reverse();
    const kept = new Set(entries.map((entry) => entry.key));
    for (const [key, { row }] of rows) if (!kept.has(key)) (row.remove(), rows.delete(key));
    entries.forEach((entry, index) => {
      const row = rowFor(rows, entry);
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    if (entries.length === 0 && !list.childElementCount) list.dataset.empty = "Nothing yet.";
  };
  store.on("wire", oncePerFrame(render));
  store.on("panel", () => {
    const opening = store.panel === "wire" && node.hidden;
    node.hidden = store.panel !== "wire";
    render();
    if (opening) filter.focus();
  });
  return node;
}

/** @param {Map<number, {row: HTMLElement, stamp: string}>} rows @param {import("../store.js").WireEntry} entry */
function rowFor(rows, entry) {
  const stamp = `${entry.count}|${entry.at}`;
  const known = rows.get(entry.key);
  if (known?.stamp === stamp) return known.row;
  const isOpen = known?.row.querySelector("details")?.open === true;
  const summary = h("summary", {},
    h("time", {}, clockTime(entry.at)), h("b", { class: `way way-${entry.way}` }, entry.way),
    h("span", { class: "wire-type" }, entry.type), entry.count > 1 ? h("span", { class: "wire-count" }, `× ${entry.count}`) : null,
    h("span", { class: "wire-about" }, entry.about));
  const details = /** @type {HTMLDetailsElement} */ (h("details", { class: entry.failed ? "is-failed" : null }, summary));
  const fill = () => details.open && details.childElementCount < 2 && details.append(h("pre", { tabindex: "0" }, JSON.stringify(entry.payload, null, 2)));
  details.addEventListener("toggle", fill);
  details.open = isOpen;
  fill();
  const row = known?.row ?? h("li", {});
  row.replaceChildren(details);
  rows.set(entry.key, { row, stamp });
  return row;
}

/** @param {number} at @returns {string} with milliseconds, for reading gaps between events */
function clockTime(at) {
  const time = new Date(at);
  const pad = (/** @type {number} */ value, size = 2) => String(value).padStart(size, "0");
  return `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}.${pad(time.getMilliseconds(), 3)}`;
}
