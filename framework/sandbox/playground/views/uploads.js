/**
 * Files on their way into a message that is not yet sent.
 */
import { ApiError } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { fileSize } from "./attachments.js";

const LARGEST = 100 * 1024 * 1024;
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]);

export class Uploads {
  /** @param {import("../chat.js").Chat} chat @param {() => void} changed */
  constructor(chat, changed) {
    this.chat = chat;
    this.changed = changed;
    /** @type {Map<number, {attachment: object|null, node: HTMLElement}>} */
    this.items = new Map();
    this.next = 1;
    this.node = h("ul", { class: "uploads", "aria-label": "Files to send", hidden: true });
  }

  /** Attachments that may be sent. @returns {object[]} */
  get ready() {
    return [...this.items.values()].flatMap((item) => (item.attachment ? [item.attachment] : []));
  }

  get busy() {
    return [...this.items.values()].some((item) => item.node.dataset.state === "sending");
  }

  clear() {
    this.items.clear();
    this.node.replaceChildren();
    this.#update();
  }

  /** @param {import("../channel.js").Channel} channel @param {File[]} files */
  add(channel, files) {
    for (const file of files) this.#start(channel, file);
  }

  /** @param {import("../channel.js").Channel} channel @param {File} file */
  async #start(channel, file) {
    const key = this.next;
    this.next += 1;
    const note = h("span", { class: "upload-note", role: "status" });
    const drop = h("button", { class: "icon-button", type: "button", "aria-label": `Remove ${file.name}`, on: { click: () => this.#remove(key) } }, icon("close"));
    const again = h("button", { class: "link-button", type: "button", "aria-label": `Try again to upload ${file.name}`, hidden: true, on: { click: () => go() } }, "Try again");
    const node = h("li", { class: "upload", dataset: { state: "sending" } }, this.#preview(file), h("span", { class: "upload-name", dir: "auto" }, file.name), note, again, drop);
    const item = { attachment: /** @type {object|null} */ (null), node };
    this.items.set(key, item);
    this.node.append(node);
    const go = async () => {
      node.dataset.state = "sending";
      note.textContent = "Uploading…";
      again.hidden = true;
      this.#update();
      const tooLarge = file.size > LARGEST;
      const problem = tooLarge ? "Too large: 100 MB at most." : await this.#upload(channel, file, item);
      node.dataset.state = problem ? "failed" : "ready";
      note.textContent = problem || fileSize(file.size);
      again.hidden = !problem || tooLarge;
      this.#update();
    };
    await go();
  }

  /** @param {File} file */
  #preview(file) {
    if (!PICTURES.has(file.type)) return icon("file");
    const address = URL.createObjectURL(file);
    return h("img", { src: address, alt: "", on: { load: () => URL.revokeObjectURL(address) } });
  }

  /**
   * @param {import("../channel.js").Channel} channel @param {File} file @param {{attachment: object|null}} item
   * @returns {Promise<string>} what went wrong, or ""
   */
  async #upload(channel, file, item) {
    const isPicture = PICTURES.has(file.type);
    try {
      const answer = await this.chat.api.upload(channel.cid, isPicture ? "image" : "file", file);
      item.attachment = isPicture
        ? { type: "image", image_url: answer.file, fallback: file.name, file_size: file.size, mime_type: file.type }
        : { type: "file", asset_url: answer.file, title: file.name, file_size: file.size, mime_type: file.type || "application/octet-stream" };
      return "";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return error.message;
    }
  }

  /** @param {number} key */
  #remove(key) {
    this.items.get(key)?.node.remove();
    this.items.delete(key);
    this.#update();
  }

  #update() {
    this.node.hidden = this.items.size === 0;
    this.changed();
  }
}
