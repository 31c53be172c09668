/**
 * The messages of a channel or of a thread: keeps what is on the screen in step with the store, stays
 * at the newest message while the reader is there, and leaves the place alone while they read above.
 */
import { dayName, millis } from "../clock.js";
import { h, oncePerFrame } from "../dom.js";
import { icon } from "../icons.js";
import { displayName } from "../people.js";
import { MessageView } from "./message.js";

const NEAR_PX = 90;
const GROUP_MS = 5 * 60_000;

export class MessageList {
  /**
   * @param {import("../chat.js").Chat} chat
   * @param {object} options
   * @param {string} options.label
   * @param {() => import("../channel.js").Message[]} options.messages
   * @param {() => HTMLElement|null} [options.empty] what to show instead of nothing
   * @param {(top: boolean) => Promise<unknown>} options.older
   * @param {() => boolean} options.hasOlder
   * @param {boolean} [options.inThread]
   */
  constructor(chat, options) {
    this.chat = chat;
    this.options = options;
    /** @type {Map<string, MessageView>} */
    this.views = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.dividers = new Map();
    this.cid = "";
    this.pinned = true;
    this.lastTop = 0;
    this.loadingOlder = false;
    this.list = h("ol", { class: "message-list", "aria-label": options.label });
    this.above = h("div", { class: "list-top" });
    this.blank = h("div", { class: "list-empty" });
    this.scroller = h("div", { class: "scroller" }, this.above, this.blank, this.list);
    this.jump = h("button", { class: "jump", type: "button", hidden: true, on: { click: () => this.toBottom(true) } }, icon("down"), h("span", {}, "New messages"));
    this.node = h("div", { class: "list-place" }, this.scroller, this.jump);
    this.render = oncePerFrame(() => this.#render());
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.list.addEventListener("keydown", (event) => this.#moveFocus(event));
    // A picture or a wrapped line may make the list grow after it was drawn.
    new ResizeObserver(() => this.pinned && this.toBottom()).observe(this.list);
    new ResizeObserver(() => this.pinned && this.toBottom()).observe(this.scroller);
  }

  /** @param {boolean} [smooth] */
  toBottom(smooth = false) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smooth && !calm ? "smooth" : "instant" });
    this.pinned = true;
    this.jump.hidden = true;
  }

  /** Forget what was shown, for another channel or thread. @param {string} key */
  reset(key) {
    this.cid = key;
    this.views.clear();
    this.dividers.clear();
    this.list.replaceChildren();
    this.pinned = true;
    this.lastTop = 0;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // Only a reader who scrolls up leaves the end; a picture that loads below them does not.
    const wentUp = scrollTop < this.lastTop - 1;
    this.lastTop = scrollTop;
    this.pinned = scrollHeight - scrollTop - clientHeight < NEAR_PX || (this.pinned && !wentUp);
    if (this.pinned) this.jump.hidden = true;
    if (!this.options.inThread) this.chat.readMarker.sees(this.pinned);
    if (scrollTop < 120) this.#loadOlder();
  }

  async #loadOlder() {
    if (this.loadingOlder || !this.options.hasOlder()) return;
    this.loadingOlder = true;
    this.#renderTop();
    await this.options.older(true);
    this.loadingOlder = false;
    this.render();
  }

  #renderTop() {
    this.above.textContent = this.loadingOlder ? "Loading older messages…" : "";
  }

  #render() {
    const channel = this.chat.store.active;
    const messages = channel ? this.options.messages() : [];
    const { scroller } = this;
    const anchor = { height: scroller.scrollHeight, top: scroller.scrollTop, first: this.firstId, last: this.lastId };
    const blank = messages.length === 0 ? this.options.empty?.() ?? null : null;
    if (blank?.dataset.key !== /** @type {HTMLElement|null} */ (this.blank.firstElementChild)?.dataset.key || !blank) {
      this.blank.replaceChildren(...(blank ? [blank] : []));
    }
    if (channel) this.#reconcile(channel, messages);
    this.#renderTop();
    this.#settle(anchor, messages);
  }

  /** @param {{height: number, top: number, first?: string, last?: string}} before @param {any[]} messages */
  #settle(before, messages) {
    this.firstId = messages[0]?.id;
    this.lastId = messages.at(-1)?.id;
    const mine = messages.at(-1)?.user?.id === this.chat.store.me?.id;
    const isNew = this.lastId !== before.last;
    if (this.pinned || (isNew && mine && messages.at(-1)?.local)) this.toBottom();
    else if (before.first && before.first !== this.firstId) this.scroller.scrollTop = before.top + this.scroller.scrollHeight - before.height;
    else if (isNew) this.jump.hidden = false;
  }

  /** @param {import("../channel.js").Channel} channel @param {import("../channel.js").Message[]} messages */
  #reconcile(channel, messages) {
    /** @type {HTMLElement[]} */
    const nodes = [];
    const seenBy = this.options.inThread ? { id: "", names: "" } : this.#seenBy(channel, messages);
    messages.forEach((message, index) => {
      const above = messages[index - 1];
      nodes.push(...this.#dividersFor(channel, message, above));
      const view = this.views.get(message.id) ?? new MessageView(this.chat, channel);
      this.views.set(message.id, view);
      view.update(message, {
        grouped: isGrouped(message, above), groupEnd: !messages[index + 1] || !isGrouped(messages[index + 1], message), last: index === messages.length - 1,
        seenBy: message.id === seenBy.id ? seenBy.names : "", inThread: this.options.inThread === true,
      });
      nodes.push(view.node);
    });
    const ids = new Set(messages.map((message) => message.id));
    for (const id of this.views.keys()) if (!ids.has(id)) this.views.delete(id);
    place(this.list, nodes);
    this.#keepOneTabStop(messages);
  }

  /** @param {import("../channel.js").Channel} channel @param {any} message @param {any} above */
  #dividersFor(channel, message, above) {
    const day = dayName(message.created_at);
    const found = [];
    if (!above || dayName(above.created_at) !== day) found.push(this.#divider(`day ${day}`, "divider", day));
    const since = millis(channel.unreadSince);
    const isFirstUnread = since && millis(message.created_at) > since && !(above && millis(above.created_at) > since);
    if (isFirstUnread && above && message.user?.id !== this.chat.store.me?.id) found.push(this.#divider("new", "divider divider-new", "New"));
    return found;
  }

  /** @param {string} key @param {string} className @param {string} text */
  #divider(key, className, text) {
    let node = this.dividers.get(key);
    if (!node) {
      node = h("li", { class: className }, h("span", {}, text));
      this.dividers.set(key, node);
    }
    return node;
  }

  /** @param {import("../channel.js").Channel} channel @param {any[]} messages */
  #seenBy(channel, messages) {
    const { store } = this.chat;
    const own = messages.findLast((message) => message.user?.id === store.me?.id && !message.local);
    if (!own) return { id: "", names: "" };
    const readers = [...channel.read].filter(([id, time]) => id !== store.me?.id && millis(time) >= millis(own.created_at));
    const names = readers.map(([id]) => displayName(store.userOf({ id })));
    return { id: own.id, names: names.length === 0 ? "" : `Seen by ${names.slice(0, 3).join(", ")}` };
  }

  /** @param {any[]} messages */
  #keepOneTabStop(messages) {
    const current = [...this.views.values()].find((view) => view.node.tabIndex === 0);
    const keep = current?.node.contains(document.activeElement) ? current : this.views.get(messages.at(-1)?.id);
    for (const view of this.views.values()) view.node.tabIndex = view === keep ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #moveFocus(event) {
    const from = /** @type {HTMLElement} */ (event.target);
    if (!from.classList.contains("message")) return;
    const nodes = [...this.views.values()].map((view) => view.node);
    const rows = /** @type {HTMLElement[]} */ ([...this.list.children].filter((row) => nodes.includes(/** @type {HTMLElement} */ (row))));
    const at = rows.indexOf(from);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined || !rows[to]) return;
    event.preventDefault();
    from.tabIndex = -1;
    rows[to].tabIndex = 0;
    rows[to].focus();
    rows[to].scrollIntoView({ block: "nearest" });
  }

  /** Change the newest own message, as ArrowUp in an empty box asks for. */
  editLast() {
    const own = [...this.views.values()].filter((view) => view.mine && !view.message?.local && view.message?.type === "regular");
    const last = own.sort((a, b) => millis(a.message?.created_at) - millis(b.message?.created_at)).at(-1);
    last?.startEditing();
  }
}

/** @param {any} message @param {any} above */
function isGrouped(message, above) {
  if (!above || above.type === "system" || message.type === "system") return false;
  if (above.user?.id !== message.user?.id || dayName(above.created_at) !== dayName(message.created_at)) return false;
  return millis(message.created_at) - millis(above.created_at) < GROUP_MS;
}

/** Put nodes in order with as few moves as possible, so that focus and selection survive. @param {HTMLElement} parent @param {HTMLElement[]} nodes */
function place(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(/** @type {HTMLElement} */ (child))) child.remove();
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
}
