/**
 * The state of the connection, shown only when there is something to know.
 */
import { h } from "../dom.js";

const QUIET_MS = 900;

/**
 * @param {import("../chat.js").Chat} chat
 * @param {() => void} leave back to the choice of a name
 * @returns {HTMLElement}
 */
export function bannerView(chat, leave) {
  const { store } = chat;
  const node = h("div", { class: "banner", hidden: true });
  let connectingSince = 0;
  const update = () => {
    const { phase } = store.connection;
    if (phase === "connecting" && !connectingSince) connectingSince = Date.now();
    if (phase !== "connecting") connectingSince = 0;
    const quiet = phase === "online" || phase === "closed" || (phase === "connecting" && Date.now() - connectingSince < QUIET_MS);
    node.hidden = quiet;
    if (quiet) node.replaceChildren();
    else render(node, chat, leave);
  };
  store.on("connection", update);
  setInterval(update, 1_000);
  return node;
}

/** @param {HTMLElement} node @param {import("../chat.js").Chat} chat @param {() => void} leave */
function render(node, chat, leave) {
  const { connection } = chat.store;
  const [text, action, work] = contents(connection, chat, leave);
  const shown = `${connection.phase}|${text}`;
  if (node.dataset.shown === shown && node.childElementCount) return;
  const focused = node.contains(document.activeElement);
  node.dataset.shown = shown;
  node.dataset.phase = connection.phase;
  const button = action ? h("button", { class: "link-button", type: "button", on: { click: work } }, action) : null;
  node.replaceChildren(h("span", { class: "banner-dot", "aria-hidden": "true" }), h("span", { class: "banner-text" }, text), ...(button ? [button] : []));
  if (focused) button?.focus();
}

/**
 * @param {import("../connection.js").ConnectionState} state
 * @param {import("../chat.js").Chat} chat @param {() => void} leave
 * @returns {[string, string, () => void]}
 */
function contents(state, chat, leave) {
  switch (state.phase) {
    case "offline":
      return ["You are offline. What you write is sent when the connection returns.", "", () => {}];
    case "refused":
      return [`Not connected: ${state.reason}`, "Choose a name again", leave];
    case "waiting": {
      const seconds = Math.max(1, Math.ceil(((state.retryAt ?? 0) - Date.now()) / 1000));
      return [`Connection lost. Trying again in ${seconds} s.`, "Try now", () => chat.connection.retryNow()];
    }
    default:
      return ["Connecting…", "", () => {}];
  }
}
