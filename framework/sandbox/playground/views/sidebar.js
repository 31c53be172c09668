/**
 * The list of conversations.
 */
import { shortTime } from "../clock.js";
import { h, oncePerFrame } from "../dom.js";
import { icon } from "../icons.js";
import { avatar, displayName } from "../people.js";
import { plainText } from "../plain.js";

/** @type {Record<string, string>} */
const PHASES = { online: "Online", connecting: "Connecting", waiting: "Reconnecting", offline: "Offline", refused: "Not connected", closed: "Not connected" };

/** @param {import("../chat.js").Chat} chat @param {() => void} leave @returns {HTMLElement} */
export function sidebarView(chat, leave) {
  const { store } = chat;
  const list = h("ul", { class: "channel-list" });
  const more = h("button", { class: "button button-small channel-more", type: "button", hidden: true, on: { click: () => chat.loader.loadMore() } }, "Show more");
  const state = h("span", { class: "me-state" });
  const name = h("span", { class: "me-name" });
  const me = h("div", { class: "me" }, avatar(store.me), h("div", { class: "me-words" }, name, state),
    h("button", { class: "button button-small", type: "button", on: { click: leave } }, "Switch user"));
  const node = h("nav", { class: "sidebar", "aria-label": "Conversations" },
    h("div", { class: "sidebar-head" }, h("img", { src: "/playground/mark.svg", alt: "", width: "28", height: "28" }), h("span", { class: "brand" }, "Playground")),
    h("button", { class: "button button-primary new-button", type: "button", on: { click: () => chat.startConversation() } }, icon("plus"), "New conversation"),
    h("div", { class: "channel-place" }, list, more), me);
  /** @type {Map<string, {row: HTMLElement, key: string}>} */
  const rows = new Map();
  const update = oncePerFrame(() => {
    const channels = store.sortedChannels;
    const wanted = channels.map((channel) => rowFor(chat, rows, channel));
    for (const [cid, { row }] of rows) if (!store.channels.has(cid)) (row.remove(), rows.delete(cid));
    list.querySelector(".channel-none")?.remove();
    wanted.forEach((row, index) => list.children[index] !== row && list.insertBefore(row, list.children[index] ?? null));
    if (wanted.length === 0) list.append(h("li", { class: "channel-none" }, noneText(store.listState)));
    more.hidden = !store.hasMoreChannels;
    name.textContent = displayName(store.me);
    const { phase } = store.connection;
    state.textContent = PHASES[phase];
    node.dataset.phase = phase;
    document.title = store.unreadTotal ? `(${store.unreadTotal}) Playground` : "Playground";
  });
  store.on(["channels", "channel", "opened", "connection", "people"], update);
  update();
  return node;
}

/** @param {string} state */
function noneText(state) {
  if (state === "loading") return "Loading…";
  return state === "failed" ? "The conversations could not be loaded." : "No conversations yet.";
}

/**
 * @param {import("../chat.js").Chat} chat
 * @param {Map<string, {row: HTMLElement, key: string}>} rows
 * @param {import("../channel.js").Channel} channel
 * @returns {HTMLElement}
 */
function rowFor(chat, rows, channel) {
  const { store } = chat;
  const current = channel.cid === store.activeCid;
  const preview = previewOf(store, channel);
  const time = shortTime(channel.lastMessage?.created_at ?? channel.data.last_message_at ?? channel.data.created_at);
  const key = JSON.stringify([channel.title, current, preview, time, channel.unread]);
  const known = rows.get(channel.cid);
  if (known?.key === key) return known.row;
  const badge = channel.unread ? h("span", { class: "badge" }, channel.unread > 99 ? "99+" : channel.unread, h("span", { class: "visually-hidden" }, " unread")) : null;
  const hadFocus = known?.row.contains(document.activeElement);
  const button = h("button", { class: `channel ${channel.unread ? "is-unread" : ""}`, type: "button", "aria-current": current ? "true" : null, on: { click: () => chat.openChannel(channel.cid) } },
    h("span", { class: "channel-line" }, h("span", { class: "channel-title" }, channel.title), h("span", { class: "channel-time" }, time)),
    h("span", { class: "channel-line" }, h("span", { class: "channel-preview" }, preview), badge));
  const row = known?.row ?? h("li", {});
  row.replaceChildren(button);
  if (hadFocus) button.focus();
  rows.set(channel.cid, { row, key });
  return row;
}

/** @param {import("../store.js").Store} store @param {import("../channel.js").Channel} channel @returns {string} */
function previewOf(store, channel) {
  const activity = channel.activityIn(null);
  const last = channel.lastMessage;
  if (activity && (!last || !last.text || last.user?.id === activity.user?.id)) return `${displayName(store.userOf(activity.user))} is answering…`;
  if (!last) return "No messages yet";
  if (last.type === "deleted") return "Message deleted";
  const text = plainText((last.text ?? "").slice(0, 200)) || (last.attachments?.length ? "Attachment" : "…");
  return last.user?.id === store.me?.id ? `You: ${text}` : text;
}
