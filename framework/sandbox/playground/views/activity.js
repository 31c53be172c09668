/**
 * The quiet line above the message box: what the bot does, who types, and the way to stop.
 */
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { displayName } from "../people.js";

const TYPING_FOR_MS = 7_000;

/** @type {Record<string, string>} */
const WORDS = {
  AI_STATE_THINKING: "is thinking",
  AI_STATE_GENERATING: "is writing",
  AI_STATE_EXTERNAL_SOURCES: "is looking things up",
  AI_STATE_CHECKING_SOURCES: "is checking sources",
  CHECKING_SOURCES: "is checking sources",
  AI_STATE_ERROR: "ran into a problem",
};

/**
 * @param {import("../store.js").Store} store
 * @param {import("../channel.js").Activity} activity
 * @returns {string} like "Agent is thinking"; "" for the idle state
 */
export function activityWords(store, activity) {
  if (activity.state === "AI_STATE_IDLE") return "";
  return `${displayName(store.userOf(activity.user))} ${WORDS[activity.state] ?? "is working"}`;
}

/**
 * @param {import("../chat.js").Chat} chat
 * @param {() => string|null} parentId of the thread that this line belongs to
 */
export function activityView(chat, parentId) {
  const { store } = chat;
  const words = h("span", { class: "activity-words" });
  const pulse = h("span", { class: "pulse", "aria-hidden": "true" });
  const stop = h("button", { class: "stop-button", type: "button", hidden: true, on: { click: () => stopNow(chat, parentId()) } }, icon("stop"), "Stop");
  const node = h("div", { class: "activity" }, pulse, words, stop);
  const update = () => {
    const channel = store.active;
    const activity = channel?.activityIn(parentId()) ?? null;
    const state = activity ? activityWords(store, activity) : "";
    const stopping = Boolean(activity && channel?.isStopping);
    const text = stopping ? "Stopping" : state || typingWords(store, parentId());
    if (words.textContent !== text) words.textContent = text;
    node.dataset.kind = state ? (activity?.state === "AI_STATE_ERROR" ? "error" : "bot") : text ? "typing" : "";
    stop.hidden = !state || stopping || activity?.state === "AI_STATE_ERROR";
  };
  store.on(["channel", "opened", "panel"], update);
  setInterval(update, 1_500);
  return node;
}

/**
 * Stop what is going on here, if something is.
 *
 * @param {import("../chat.js").Chat} chat @param {string|null} parentId
 * @returns {boolean}
 */
export function stopNow(chat, parentId) {
  const channel = chat.store.active;
  const activity = channel?.activityIn(parentId);
  if (!channel || !activity || channel.isStopping) return false;
  chat.stopGenerating(channel, activity.messageId);
  return true;
}

/** @param {import("../store.js").Store} store @param {string|null} parentId */
function typingWords(store, parentId) {
  const typing = [...(store.active?.typing.values() ?? [])]
    .filter((sign) => sign.parentId === parentId && Date.now() - sign.at < TYPING_FOR_MS)
    .map((sign) => displayName(store.userOf(sign.user)));
  if (typing.length === 0) return "";
  if (typing.length > 2) return "Several people are typing";
  return `${typing.join(" and ")} ${typing.length === 1 ? "is" : "are"} typing`;
}
