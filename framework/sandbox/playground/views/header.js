/**
 * The top of a conversation: its name, who is in it, and who answers.
 */
import { h } from "../dom.js";
import { handoverOf, sayHandover } from "../handover.js";
import { icon } from "../icons.js";
import { displayName } from "../people.js";

/** @param {import("../chat.js").Chat} chat @returns {HTMLElement} */
export function headerView(chat) {
  const { store } = chat;
  const title = h("h1", { class: "header-title", tabindex: "-1" });
  const people = h("div", { class: "header-people" });
  const back = h("button", { class: "icon-button only-phone", type: "button", "aria-label": "All conversations", on: { click: () => chat.closeChannel() } }, icon("back"));
  const wire = h("button", { class: "icon-button", type: "button", "aria-label": "Events on the wire", title: "Events on the wire", "aria-expanded": "false", on: { click: () => chat.toggleWire() } }, icon("wire"));
  const handover = h("div", { class: "handover", role: "status", hidden: true });
  const bar = h("div", { class: "header-bar" }, back, h("div", { class: "header-words" }, title, people), wire);
  const node = h("header", { class: "header" }, bar, handover);
  let shown = "";
  const update = () => {
    const channel = store.active;
    wire.setAttribute("aria-expanded", String(store.panel === "wire"));
    const state = channel ? handoverOf(channel.data, (id) => displayName(store.userOf({ id }))) : null;
    const members = channel ? [...channel.members.values()] : [];
    const name = channel?.title ?? "";
    const key = JSON.stringify([name, channel?.cid, state, members.map((m) => [displayName(store.userOf(m.user)), store.isOnline(m.user_id)])]);
    if (key === shown) return;
    shown = key;
    title.textContent = name || "Playground";
    title.classList.toggle("visually-hidden", !name);
    people.replaceChildren(...(channel ? peopleViews(store, members) : []));
    handover.hidden = !state;
    handover.replaceChildren(...(state ? [icon("person"), h("span", {}, sayHandover(state), state.reason ? ` ${state.reason}` : ""), actAs(store, state, channel)].filter((part) => part !== null) : []));
    handover.dataset.state = state?.state ?? "";
  };
  store.on(["channel", "opened", "panel", "people", "connection"], update);
  update();
  return node;
}

/**
 * In a sandbox one person plays all parts: the way to the other side of a handover.
 *
 * @param {import("../store.js").Store} store @param {import("../handover.js").Handover} state @param {any} channel
 * @returns {HTMLElement|null}
 */
function actAs(store, state, channel) {
  const [id] = state.ids;
  if (!id || state.ids.includes(store.me?.id ?? "")) return null;
  const query = new URLSearchParams({ user: id, channel: channel.cid });
  return h("a", { class: "handover-link", href: `?${query}`, target: "_blank", rel: "noopener" }, `Act as ${displayName(store.userOf({ id }))}`);
}

/** @param {import("../store.js").Store} store @param {any[]} members @returns {HTMLElement[]} */
function peopleViews(store, members) {
  const sorted = [...members].sort((a, b) => Number(store.isOnline(b.user_id)) - Number(store.isOnline(a.user_id)));
  const shown = sorted.slice(0, 4).map((member) => {
    const id = member.user_id ?? member.user?.id;
    const online = store.isOnline(id);
    const name = id === store.me?.id ? "You" : displayName(store.userOf(member.user));
    return h("span", { class: `presence ${online ? "is-online" : ""}`, title: online ? `${name}: online` : `${name}: offline` },
      h("i", { "aria-hidden": "true" }), name, h("span", { class: "visually-hidden" }, online ? " (online)" : " (offline)"));
  });
  if (members.length > 4) shown.push(h("span", { class: "presence" }, `and ${members.length - 4} more`));
  return shown;
}

