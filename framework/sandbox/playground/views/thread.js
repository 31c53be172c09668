/**
 * The side panel with one thread.
 */
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { activityView } from "./activity.js";
import { Composer } from "./composer.js";
import { MessageList } from "./message-list.js";

/** @param {import("../chat.js").Chat} chat @returns {HTMLElement} */
export function threadView(chat) {
  const { store } = chat;
  const parentId = () => store.threadId || null;
  const replies = () => store.active?.thread(store.threadId) ?? null;
  const list = new MessageList(chat, {
    label: "Thread",
    inThread: true,
    messages: () => {
      const parent = store.active?.find(store.threadId);
      return parent ? [parent, ...(replies()?.replies ?? [])] : [];
    },
    older: async () => store.active && chat.loadReplies(store.active, store.threadId, true),
    hasOlder: () => replies()?.hasOlder ?? false,
  });
  const composer = new Composer(chat, { id: "thread-composer", label: "Reply in this thread", parentId, editLast: () => list.editLast() });
  const close = h("button", { class: "icon-button", type: "button", "aria-label": "Close the thread", on: { click: () => chat.closePanel("thread") } }, icon("close"));
  const head = h("div", { class: "panel-head" }, h("h2", {}, "Thread"), close);
  const node = h("section", { class: "panel-body", "aria-label": "Thread", hidden: true }, head, list.node, h("div", { class: "foot" }, activityView(chat, parentId), composer.node));
  let shownId = "";
  store.on("panel", () => {
    const open = store.panel === "thread";
    const hadFocus = node.contains(document.activeElement);
    const closing = !open && !node.hidden;
    node.hidden = !open;
    // Back to the message that the thread hangs on, and not to the top of the page.
    if (closing && hadFocus && store.panel === "") /** @type {HTMLElement|null} */ (document.querySelector(`#conversation [data-id="${CSS.escape(shownId)}"]`))?.focus();
    shownId = store.threadId;
    if (!open) return;
    list.reset(store.threadId);
    composer.turnTo(`${store.activeCid}/${store.threadId}`);
    list.render();
    composer.focus();
  });
  store.on(["channel", "people"], () => node.hidden || list.render());
  store.on("focus-composer", (inThread) => inThread && composer.focus());
  return node;
}
