/** What a bot does now, who types, and the way to stop. */
import { listed, t } from "./i18n.js";
import { displayName } from "./people.js";

const TYPING_FOR_MS = 7_000;
const WORDS = {
  AI_STATE_THINKING: "{name} is thinking",
  AI_STATE_GENERATING: "{name} is writing",
  AI_STATE_EXTERNAL_SOURCES: "{name} is looking things up",
  AI_STATE_CHECKING_SOURCES: "{name} is checking sources",
  CHECKING_SOURCES: "{name} is checking sources",
  AI_STATE_ERROR: "{name} ran into a problem",
};

/** Like "Agent is thinking"; "" for the idle state and for none. */
export function activityWords(store, activity) {
  if (!activity || activity.state === "AI_STATE_IDLE") return "";
  return t(WORDS[activity.state] ?? "{name} is working", { name: displayName(store.userOf(activity.user)) });
}

/** Who types in a place: the channel, or a thread of it. */
export function typingWords(store, parentId) {
  const names = [...(store.active?.typing.values() ?? [])]
    .filter((sign) => sign.parentId === parentId && Date.now() - sign.at < TYPING_FOR_MS)
    .map((sign) => displayName(store.userOf(sign.user)));
  if (names.length === 0) return "";
  if (names.length > 2) return t("Several people are typing");
  return names.length === 1 ? t("{name} is typing", { name: names[0] }) : t("{names} are typing", { names: listed(names) });
}

/** Stop what is going on here, if something is; whether it was. */
export function stopNow(chat, parentId) {
  const channel = chat.store.active;
  const activity = channel?.activityIn(parentId);
  if (!channel || !activity || channel.isStopping) return false;
  chat.stopGenerating(channel, activity.messageId);
  return true;
}
