/**
 * One message. Its parts are rebuilt one by one, and only when they change, so that a text that grows
 * takes neither the focus nor an opened disclosure away.
 */
import { fullTime, timeOfDay } from "../clock.js";
import { h } from "../dom.js";
import { handoverOf, sayHandover } from "../handover.js";
import { icon } from "../icons.js";
import { renderMarkdown } from "../markdown.js";
import { avatar, displayName } from "../people.js";
import { attachmentViews } from "./attachments.js";
import { editorView } from "./editor.js";
import { pollView } from "./poll.js";
import { reactionCounts, reactionViews, withOffered } from "./reactions.js";
import { readSources, sourcesView } from "./sources.js";
import { toolsView } from "./tools.js";

/**
 * @typedef {object} Context what a message needs to know of its surroundings
 * @property {boolean} grouped the message above is of the same person, a moment ago
 * @property {boolean} groupEnd the message below is of somebody else, or later
 * @property {boolean} last the last message of the list
 * @property {string} seenBy names, under the last own message
 * @property {boolean} inThread
 */

const PARTS = ["head", "body", "attachments", "poll", "note", "sources", "reactions", "replies", "suggestions", "state"];

export class MessageView {
  /** @param {import("../chat.js").Chat} chat @param {import("../channel.js").Channel} channel */
  constructor(chat, channel) {
    this.chat = chat;
    this.channel = channel;
    /** @type {Record<string, HTMLElement>} */
    this.parts = Object.fromEntries(PARTS.map((name) => [name, h("div", { class: `message-${name}`, hidden: true })]));
    /** @type {Record<string, string>} */
    this.keys = {};
    this.side = h("div", { class: "message-side" });
    this.tools = h("div", { class: "message-tools-place" });
    this.main = h("div", { class: "message-main" }, ...Object.values(this.parts), this.tools);
    this.node = h("li", { class: "message", tabindex: "-1" }, this.side, this.main);
    this.editing = false;
  }

  /** @param {import("../channel.js").Message} message @param {Context} context */
  update(message, context) {
    this.message = message;
    this.context = context;
    const { store } = this.chat;
    this.user = store.userOf(message.user);
    this.mine = message.user?.id === store.me?.id;
    this.bot = message.ai_generated === true;
    this.generating = this.channel.isGenerating(message);
    this.node.dataset.id = message.id;
    this.node.className = this.#classes();
    this.node.setAttribute("aria-label", `${displayName(this.user)}, ${timeOfDay(message.created_at)}`);
    if (message.type === "system") return this.#system();
    this.#people();
    this.#text();
    this.#extras();
    this.#tools();
  }

  #classes() {
    const { message, context } = this;
    const flags = {
      "is-mine": this.mine, "is-bot": this.bot, "is-grouped": context?.grouped, "is-generating": this.generating,
      "is-deleted": message?.type === "deleted", "is-system": message?.type === "system", "is-unsent": message?.local,
    };
    return ["message", ...Object.entries(flags).filter(([, on]) => on).map(([name]) => name)].join(" ");
  }

  #system() {
    this.#part("body", this.message?.text ?? "", () => [this.message?.text ?? ""]);
  }

  #people() {
    const { message, context, user } = this;
    if (!message) return;
    const hidden = context?.grouped || this.mine;
    const key = hidden ? "" : `${displayName(user)}|${message.created_at}|${this.bot}`;
    this.#part("head", key, () => [
      h("span", { class: "message-author" }, displayName(user)),
      this.bot ? h("span", { class: "bot-badge" }, "AI") : null,
      h("time", { datetime: message.created_at, title: fullTime(message.created_at) }, timeOfDay(message.created_at)),
    ]);
    if (this.keys.side === key) return;
    this.keys.side = key;
    this.side.replaceChildren(...(hidden ? [] : [avatar(user, { bot: this.bot })]));
  }

  #text() {
    const { message } = this;
    if (!message) return;
    if (this.editing && message.type !== "deleted") return;
    const text = message.type === "deleted" ? "This message was deleted." : message.text ?? "";
    const waiting = this.generating && !text;
    this.#part("body", `${text}|${this.generating}|${waiting}`, () => {
      if (waiting) return [h("span", { class: "dots", "aria-label": "Waiting for the answer", role: "img" }, h("i"), h("i"), h("i"))];
      if (message.type === "deleted") return [text];
      return [h("div", { class: "markdown", dir: "auto" }, renderMarkdown(text, { partial: this.generating }))];
    }, Boolean(waiting || (text && text !== message.poll?.name)));
  }

  #extras() {
    const { message, context } = this;
    if (!message || !context) return;
    const alive = message.type !== "deleted";
    const attachments = alive ? message.attachments ?? [] : [];
    const sources = alive && !this.generating ? readSources(message.sources) : [];
    const toggle = (/** @type {string} */ type) => this.chat.toggleReaction(this.channel, message, type);
    const counts = alive ? withOffered(reactionCounts(message), this.generating ? [] : message.feedback) : [];
    const press = (/** @type {any} */ action) => this.chat.press(this.channel, message, action);
    this.#part("attachments", JSON.stringify(attachments), () => attachmentViews(attachments, press), attachments.length > 0);
    this.#poll(alive);
    this.#part("sources", JSON.stringify(sources), () => [sourcesView(sources)], sources.length > 0);
    this.#part("reactions", JSON.stringify([counts, message.own_reactions]), () => reactionViews(message, counts, toggle), counts.length > 0);
    this.#note(alive);
    this.#replies();
    this.#suggestions(alive);
    this.#state();
  }

  /** @param {boolean} alive */
  #poll(alive) {
    const { message } = this;
    const poll = alive && message?.poll?.id ? message.poll : null;
    const vote = (/** @type {string} */ option, /** @type {string} */ own) => message && this.chat.vote(this.channel, message, option, own);
    this.#part("poll", JSON.stringify(poll), () => [pollView(poll, vote)], Boolean(poll));
  }

  /** @param {boolean} alive */
  #note(alive) {
    const { message } = this;
    const handover = alive ? handoverOf(message, (id) => displayName(this.chat.store.userOf({ id }))) : null;
    const forSome = alive && message?.restricted_visibility?.length > 0;
    const cut = alive && message?.generating === true && !this.generating;
    const stopped = alive && message?.stopped === true;
    const text = handover ? sayHandover(handover) : stopped ? "Stopped before the end." : cut ? "This answer was interrupted." : forSome ? "Only the team sees this." : "";
    this.#part("note", `${text}|${handover?.reason}`, () => [icon(handover || forSome ? "person" : "stop"), h("span", {}, text, handover?.reason ? ` ${handover.reason}` : "")], Boolean(text));
    this.parts.note.dataset.kind = handover ? "handover" : "quiet";
  }

  #replies() {
    const { message, context } = this;
    const count = message?.reply_count ?? 0;
    const shown = Boolean(message) && !context?.inThread && count > 0;
    const words = count === 1 ? "1 reply" : `${count} replies`;
    this.#part("replies", `${count}`, () => [
      h("button", { class: "link-button", type: "button", on: { click: () => this.chat.openThread(this.channel, message?.id ?? "") } }, icon("thread"), words),
    ], shown);
  }

  /** @param {boolean} alive */
  #suggestions(alive) {
    const { message, context } = this;
    const offered = alive && context?.last && !this.mine && !this.generating && Array.isArray(message?.suggestions)
      ? message.suggestions.filter((/** @type {unknown} */ text) => typeof text === "string" && text.trim()).slice(0, 6) : [];
    this.#part("suggestions", JSON.stringify(offered), () => offered.map((/** @type {string} */ text) =>
      h("button", { class: "suggestion", type: "button", on: { click: () => this.#say(text) } }, text)), offered.length > 0);
  }

  /** @param {string} text */
  #say(text) {
    this.chat.send(this.channel, { text, parentId: this.context?.inThread ? this.message?.parent_id ?? this.message?.id : null });
    this.chat.store.emit("focus-composer", this.context?.inThread);
  }

  #state() {
    const { message, context } = this;
    const local = message?.local;
    const edited = message?.message_text_updated_at && message.type !== "deleted" && !this.bot;
    const deleted = message?.type === "deleted";
    const words = local ? sayLocal(local) : [this.mine ? timeOfDay(message?.created_at ?? "") : "", edited ? "edited" : "", context?.seenBy ?? ""].filter(Boolean).join(" · ");
    const shown = !deleted && (Boolean(local) || edited || (this.mine && (Boolean(context?.seenBy) || context?.groupEnd)));
    this.#part("state", `${words}|${local?.state}`, () => [h("span", {}, words), ...(local?.state === "failed" ? this.#failedButtons() : [])], Boolean(shown && words));
    this.parts.state.dataset.state = local?.state ?? "";
  }

  #failedButtons() {
    const { chat, channel } = this;
    return [
      h("button", { class: "link-button", type: "button", on: { click: () => this.message && chat.resend(channel, this.message) } }, "Try again"),
      h("button", { class: "link-button", type: "button", on: { click: () => this.message && chat.remove(channel, this.message) } }, "Discard"),
    ];
  }

  #tools() {
    const { message } = this;
    if (!message) return;
    const usable = message.type !== "deleted" && !message.local && !this.editing;
    const key = usable ? `${this.mine}|${this.context?.inThread}|${message.parent_id}|${this.bot}` : "";
    if (this.keys.tools === key) return;
    this.keys.tools = key;
    this.tools.replaceChildren(...(usable ? [toolsView(this)] : []));
  }

  /** Replace the text by a box to change it in. */
  startEditing() {
    if (this.editing || !this.message) return;
    this.editing = true;
    this.keys.body = "";
    const editor = editorView(this.message.text ?? "", {
      save: (text) => this.chat.edit(this.channel, /** @type {any} */ (this.message), text),
      done: () => this.#stopEditing(),
    });
    this.parts.body.hidden = false;
    this.parts.body.replaceChildren(editor);
    this.#tools();
    editor.querySelector("textarea")?.focus();
  }

  #stopEditing() {
    this.editing = false;
    if (this.message && this.context) this.update(this.channel.find(this.message.id) ?? this.message, this.context);
    this.node.focus();
  }

  /** @param {string} name @param {string} key @param {() => (Node|string|null)[]} build @param {boolean} [shown] */
  #part(name, key, build, shown = key !== "") {
    const part = this.parts[name];
    if (part.hidden !== !shown) part.hidden = !shown;
    if (this.keys[name] === key) return;
    this.keys[name] = key;
    part.replaceChildren(...(shown ? build().filter((child) => child !== null) : []));
  }
}

/** @param {{state: string, error?: string}} local @returns {string} */
function sayLocal(local) {
  if (local.state === "sending") return "Sending…";
  if (local.state === "waiting") return "Not sent yet. It goes out when the connection is back.";
  return `Not sent. ${local.error ?? ""}`.trim();
}
