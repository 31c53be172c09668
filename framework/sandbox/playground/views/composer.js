/**
 * Where a message is written: text, files, and whether a reply also goes to the channel.
 */
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { grow } from "./grow.js";
import { Uploads } from "./uploads.js";
import { stopNow } from "./activity.js";

/** Characters, where the channel does not say how many it takes. */
const LONGEST = 5_000;
const WARN_FROM = 0.9;
const TYPING_EVERY_MS = 2_000;
const TYPING_IDLE_MS = 4_000;

export class Composer {
  /**
   * @param {import("../chat.js").Chat} chat
   * @param {object} options
   * @param {string} options.id of the text box
   * @param {string} options.label
   * @param {() => string|null} options.parentId
   * @param {() => void} [options.editLast]
   */
  constructor(chat, options) {
    this.chat = chat;
    this.options = options;
    /** @type {Map<string, string>} unsent texts by channel or thread */
    this.drafts = new Map();
    this.key = "";
    this.typingAt = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.typingTimer = undefined;
    this.box = /** @type {HTMLTextAreaElement} */ (h("textarea", {
      id: options.id, rows: "1", dir: "auto", placeholder: options.label, "aria-label": options.label, enterkeyhint: "send",
      on: { input: () => this.#typed(), keydown: (/** @type {KeyboardEvent} */ event) => this.#pressed(event), paste: (/** @type {ClipboardEvent} */ event) => this.#pasted(event) },
    }));
    this.uploads = new Uploads(chat, () => this.#refresh());
    this.picker = /** @type {HTMLInputElement} */ (h("input", { type: "file", multiple: true, hidden: true, tabindex: "-1", "aria-hidden": "true", on: { change: () => this.#picked() } }));
    this.attach = h("button", { class: "icon-button", type: "button", "aria-label": "Attach a file or an image", title: "Attach a file or an image", on: { click: () => this.picker.click() } }, icon("clip"));
    this.sendButton = /** @type {HTMLButtonElement} */ (h("button", { class: "send-button", type: "submit", "aria-label": "Send", title: "Send" }, icon("send")));
    this.counter = h("span", { class: "counter", hidden: true });
    this.also = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", id: `${options.id}-also` }));
    const alsoLine = h("label", { class: "also", for: `${options.id}-also`, hidden: !options.id.startsWith("thread") }, this.also, "Also send to the conversation");
    const row = h("div", { class: "composer-row" }, this.attach, this.box, this.counter, this.sendButton);
    this.form = /** @type {HTMLFormElement} */ (h("form", { class: "composer", on: { submit: (/** @type {Event} */ event) => this.#submit(event) } }, this.uploads.node, row, alsoLine, this.picker));
    this.node = this.form;
    this.#refresh();
  }

  /** Turn to another channel or thread, keeping what was begun in the last one. @param {string} key */
  turnTo(key) {
    if (this.key === key) return;
    if (this.key) this.drafts.set(this.key, this.box.value);
    this.#stopTyping();
    this.key = key;
    this.box.value = this.drafts.get(key) ?? "";
    this.uploads.clear();
    this.also.checked = false;
    this.#refresh();
    requestAnimationFrame(() => grow(this.box));
  }

  focus() {
    this.box.focus();
  }

  /** @param {FileList|File[]} files */
  addFiles(files) {
    const channel = this.chat.store.active;
    if (channel && channel.may("upload-file")) this.uploads.add(channel, [...files]);
  }

  #picked() {
    this.addFiles(this.picker.files ?? []);
    this.picker.value = "";
    this.focus();
  }

  /** @param {ClipboardEvent} event */
  #pasted(event) {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    event.preventDefault();
    this.addFiles(files);
  }

  get #longest() {
    return Number(this.chat.store.active?.data.config?.max_message_length) || LONGEST;
  }

  #refresh() {
    const length = Array.from(this.box.value).length;
    const empty = this.box.value.trim() === "" && this.uploads.ready.length === 0;
    const longest = this.#longest;
    this.sendButton.disabled = empty || this.uploads.busy || length > longest;
    this.counter.hidden = length < longest * WARN_FROM;
    this.counter.textContent = `${length} / ${longest}`;
    this.counter.classList.toggle("is-over", length > longest);
  }

  #typed() {
    grow(this.box);
    this.#refresh();
    const channel = this.chat.store.active;
    if (!channel || this.box.value.trim() === "") return this.#stopTyping();
    if (Date.now() - this.typingAt > TYPING_EVERY_MS) {
      this.typingAt = Date.now();
      this.chat.sendTyping(channel, true, this.options.parentId());
    }
    clearTimeout(this.typingTimer);
    this.typingTimer = setTimeout(() => this.#stopTyping(), TYPING_IDLE_MS);
  }

  #stopTyping() {
    clearTimeout(this.typingTimer);
    const channel = this.chat.store.active;
    if (this.typingAt && channel) this.chat.sendTyping(channel, false, this.options.parentId());
    this.typingAt = 0;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.form.requestSubmit();
    } else if (event.key === "Escape" && stopNow(this.chat, this.options.parentId())) {
      event.stopPropagation();
    } else if (event.key === "ArrowUp" && this.box.value === "" && this.options.editLast) {
      event.preventDefault();
      this.options.editLast();
    }
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const channel = this.chat.store.active;
    const over = Array.from(this.box.value).length - this.#longest;
    if (over > 0) this.chat.store.emit("problem", `The message is too long by ${over} ${over === 1 ? "character" : "characters"}.`);
    if (!channel || this.sendButton.disabled) return;
    const draft = { text: this.box.value.trim(), attachments: this.uploads.ready, parentId: this.options.parentId(), showInChannel: this.also.checked };
    this.box.value = "";
    this.uploads.clear();
    this.also.checked = false;
    this.#stopTyping();
    this.#refresh();
    grow(this.box);
    this.chat.send(channel, draft);
  }
}
