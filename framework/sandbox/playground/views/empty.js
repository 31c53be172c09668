/**
 * What to show where nothing is yet, so that a first visit knows what to do.
 */
import { h } from "../dom.js";
import { icon } from "../icons.js";

/** How the bot of the repository is started. */
const RUN_COMMAND = "python -m framework run support_bot";

/** @param {import("../chat.js").Chat} chat @returns {HTMLElement} no channel is open */
export function nothingOpen(chat) {
  const hasSome = chat.store.channels.size > 0;
  return h("div", { class: "empty", dataset: { key: `none-${hasSome}` } },
    h("span", { class: "empty-mark", "aria-hidden": "true" }, icon("thread")),
    h("h2", {}, hasSome ? "Pick a conversation" : "Start your first conversation"),
    h("p", {}, hasSome ? "Or start a new one and see how the bot answers." : "A new support conversation opens, and the bot joins it by itself."),
    h("button", { class: "button button-primary", type: "button", on: { click: () => chat.startConversation() } }, icon("plus"), "New conversation"));
}

/** @param {import("../chat.js").Chat} chat @param {import("../channel.js").Channel} channel @returns {HTMLElement} no message yet */
export function noMessages(chat, channel) {
  const alone = channel.members.size < 2;
  const starters = Array.isArray(channel.data.suggestions) ? channel.data.suggestions.filter((/** @type {unknown} */ s) => typeof s === "string") : [];
  const others = channel.othersNamed(chat.store.me?.id ?? "");
  return h("div", { class: "empty", dataset: { key: `empty-${channel.cid}-${alone}-${starters.length}-${others}` } },
    h("span", { class: "empty-mark", "aria-hidden": "true" }, icon("thread")),
    h("h2", {}, "Ask anything"),
    h("p", {}, alone ? "Write below, as a customer would. A bot that serves this channel joins and answers here." : `${others} ${channel.members.size > 2 ? "are" : "is"} here. Write below, as a customer would.`),
    starters.length ? h("div", { class: "suggestions-row" }, ...starters.slice(0, 6).map((/** @type {string} */ text) =>
      h("button", { class: "suggestion", type: "button", on: { click: () => chat.send(channel, { text }) } }, text))) : null);
}

/** @param {import("../chat.js").Chat} chat @param {string} cid @param {string} reason @returns {HTMLElement} */
export function cannotOpen(chat, cid, reason) {
  return h("div", { class: "empty", role: "alert", dataset: { key: `error-${cid}-${reason}` } },
    h("span", { class: "empty-mark is-error", "aria-hidden": "true" }, icon("close")),
    h("h2", {}, "This conversation cannot be opened"),
    h("p", {}, reason),
    h("p", { class: "empty-detail" }, h("code", {}, cid)),
    h("div", { class: "empty-buttons" },
      h("button", { class: "button", type: "button", on: { click: () => chat.openChannel(cid) } }, icon("retry"), "Try again"),
      h("button", { class: "button button-primary", type: "button", on: { click: () => chat.startConversation() } }, icon("plus"), "New conversation")));
}

/** The address names a conversation that is not among this person's. @param {import("../chat.js").Chat} chat @param {string} cid @returns {HTMLElement} */
export function offered(chat, cid) {
  return h("div", { class: "empty", dataset: { key: `offered-${cid}` } },
    h("span", { class: "empty-mark", "aria-hidden": "true" }, icon("thread")),
    h("h2", {}, "Start this conversation?"),
    h("p", {}, "The link that you opened names a conversation that is not yours yet."),
    h("p", { class: "empty-detail" }, h("code", {}, cid)),
    h("div", { class: "empty-buttons" },
      h("button", { class: "button button-primary", type: "button", id: "offered", on: { click: () => chat.openChannel(cid) } }, icon("plus"), "Start it")));
}

/** @param {string} reason @returns {HTMLElement} the server let nobody in */
export function refused(reason) {
  return h("div", { class: "empty", role: "alert", dataset: { key: `refused-${reason}` } },
    h("span", { class: "empty-mark is-error", "aria-hidden": "true" }, icon("close")),
    h("h2", {}, "The server refused the connection"),
    h("p", {}, reason),
    h("a", { class: "button button-primary", href: "/" }, "Choose a name again"));
}

/** @returns {HTMLElement} */
export function loading() {
  const bar = (/** @type {string} */ size) => h("span", { class: `bone ${size}` });
  return h("div", { class: "loading", dataset: { key: "loading" }, role: "status", "aria-label": "Loading the conversation" }, bar("w60"), bar("w80"), bar("w40"));
}

/** A person wrote, and nobody but them is in the channel. @returns {HTMLElement} */
export function noBotHint() {
  return h("div", { class: "hint", role: "note" },
    h("p", {}, "No bot has joined this channel yet. Start one beside this server:"),
    h("pre", {}, h("code", {}, RUN_COMMAND)));
}
