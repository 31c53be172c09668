/**
 * The middle of the page: one conversation.
 */
import { h } from "../dom.js";
import { activityView } from "./activity.js";
import { bannerView } from "./banner.js";
import { Composer } from "./composer.js";
import { cannotOpen, loading, noBotHint, noMessages, nothingOpen, offered, refused } from "./empty.js";
import { headerView } from "./header.js";
import { MessageList } from "./message-list.js";

const LONELY_MS = 5_000;

/** @param {import("../chat.js").Chat} chat @param {() => void} leave @returns {HTMLElement} */
export function conversationView(chat, leave) {
  const { store } = chat;
  const list = new MessageList(chat, {
    label: "Messages",
    messages: () => store.active?.messages ?? [],
    empty: () => (store.active && store.active.loaded ? noMessages(chat, store.active) : null),
    older: async () => store.active && chat.loadOlder(store.active),
    hasOlder: () => store.active?.hasOlder ?? false,
  });
  const composer = new Composer(chat, { id: "composer", label: "Write a message", parentId: () => null, editLast: () => list.editLast() });
  const hint = h("div", { class: "hint-place" });
  const foot = h("div", { class: "foot" }, hint, activityView(chat, () => null), composer.node);
  const blank = h("div", { class: "blank" });
  const node = h("main", { class: "conversation", id: "conversation" }, headerView(chat), bannerView(chat, leave), blank, list.node, foot);
  const update = () => {
    const screen = blankScreen(chat);
    node.classList.toggle("is-blank", Boolean(screen));
    const before = /** @type {HTMLElement|null} */ (blank.firstElementChild);
    if (before?.dataset.key !== screen?.dataset.key) blank.replaceChildren(...(screen ? [screen] : []));
    list.render();
  };
  store.on(["channel", "channels", "people", "connection"], update);
  store.on("opened", (cid) => {
    list.reset(cid);
    composer.turnTo(cid);
    update();
    list.render();
    if (cid && !matchMedia("(pointer: coarse)").matches) requestAnimationFrame(() => composer.focus());
  });
  store.on("focus-composer", (inThread) => !inThread && composer.focus());
  store.on("sent", () => list.toBottom());
  setInterval(() => showHint(chat, hint), 1_000);
  setInterval(() => store.active?.messages.some((message) => message.generating) && list.render(), 5_000);
  acceptDrops(node, composer);
  update();
  return node;
}

/** @param {import("../chat.js").Chat} chat @returns {HTMLElement|null} what stands in place of the messages */
function blankScreen(chat) {
  const { store } = chat;
  const error = store.openErrors[store.activeCid];
  if (error) return cannotOpen(chat, store.activeCid, error);
  if (store.connection.phase === "refused" && !store.active) return refused(store.connection.reason ?? "");
  if (store.activeCid && store.offeredCid === store.activeCid) return offered(chat, store.activeCid);
  if (!store.activeCid && store.listState === "loading") return loading();
  if (!store.activeCid) return nothingOpen(chat);
  return store.active?.loaded ? null : loading();
}

/** @param {import("../chat.js").Chat} chat @param {HTMLElement} place */
function showHint(chat, place) {
  const channel = chat.store.active;
  const last = channel?.lastMessage;
  const waiting = last && !last.local && last.user?.id === chat.store.me?.id && Date.now() - Date.parse(last.created_at) > LONELY_MS;
  const lonely = Boolean(waiting && channel.members.size < 2 && channel.activity.size === 0 && chat.store.connection.phase === "online");
  if (lonely === place.childElementCount > 0) return;
  place.replaceChildren(...(lonely ? [noBotHint()] : []));
}

/** @param {HTMLElement} node @param {Composer} composer */
function acceptDrops(node, composer) {
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  node.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    node.classList.add("is-dropping");
  });
  node.addEventListener("dragleave", (event) => {
    if (!node.contains(/** @type {Node|null} */ (event.relatedTarget))) node.classList.remove("is-dropping");
  });
  node.addEventListener("drop", (event) => {
    node.classList.remove("is-dropping");
    if (!hasFiles(event)) return;
    event.preventDefault();
    composer.addFiles(event.dataTransfer?.files ?? []);
  });
}
