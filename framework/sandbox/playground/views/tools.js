/**
 * What can be done with a message: react, reply, copy, edit, delete. Shown while the pointer or the
 * focus is on the message.
 */
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { reactionBar } from "./reactions.js";

/** @param {import("./message.js").MessageView} view @returns {HTMLElement} */
export function toolsView(view) {
  const { chat, channel, mine } = view;
  const message = () => /** @type {import("../channel.js").Message} */ (view.message);
  const bar = h("div", { class: "tools", role: "toolbar", "aria-label": "Message actions" });
  const reset = () => bar.replaceChildren(...buttons());
  const buttons = () => [
    channel.may("send-reaction") ? tool("smile", "React", react) : null,
    view.context?.inThread ? null : tool("thread", "Reply in thread", () => chat.openThread(channel, message().id)),
    tool("copy", "Copy text", copy),
    mine ? tool("edit", "Edit", () => view.startEditing()) : null,
    mine ? tool("trash", "Delete", confirm) : null,
  ].filter((button) => button !== null);
  /** @param {HTMLElement|null} first gets the focus @param {HTMLElement[]} content */
  const swap = (first, ...content) => {
    // The message holds the focus meanwhile: the bar hides, and what is in it takes no focus, as soon as it is elsewhere.
    view.node.focus();
    bar.replaceChildren(...content);
    first?.focus();
  };
  const react = () => {
    const choices = reactionBar(choose);
    swap(choices.querySelector("button"), choices);
  };
  const choose = (/** @type {string} */ type) => {
    view.node.focus();
    reset();
    chat.toggleReaction(channel, message(), type);
  };
  const confirm = () => {
    const yes = h("button", { class: "link-button is-danger", type: "button", on: { click: () => chat.remove(channel, message()) } }, "Delete");
    const no = h("button", { class: "link-button", type: "button", on: { click: () => (view.node.focus(), reset()) } }, "Keep");
    swap(yes, h("span", { class: "tools-question" }, "Delete this message?"), yes, no);
  };
  async function copy() {
    const ok = await writeClipboard(message().text ?? "");
    chat.store.emit("problem", ok ? "Copied." : "The browser did not allow copying.");
  }
  view.node.addEventListener("mouseleave", () => !bar.contains(document.activeElement) && reset());
  // Asked a moment later: a button that gives way to others loses the focus before one of these gets it.
  bar.addEventListener("focusout", () => setTimeout(() => view.node.contains(document.activeElement) || reset()));
  bar.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), reset(), view.node.focus()));
  reset();
  return bar;
}

/** @param {string} text @returns {Promise<boolean>} */
async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or not a secure page: the caller says so
  }
}

/** @param {string} name @param {string} label @param {() => void} work */
function tool(name, label, work) {
  return h("button", { class: "icon-button", type: "button", "aria-label": label, title: label, on: { click: work } }, icon(name));
}
