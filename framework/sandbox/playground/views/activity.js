/** The quiet line above the message box. */
import { activityWords, stopNow, typingWords } from "../activity.js";
import { t } from "../i18n.js";
import { Icon, html } from "../ui.js";

export function Activity({ chat, parentId }) {
  const { store } = chat;
  const channel = store.active;
  const activity = channel?.activityIn(parentId) ?? null;
  const state = activityWords(store, activity);
  const failed = activity?.state === "AI_STATE_ERROR";
  const stopping = Boolean(activity && channel?.isStopping);
  const text = stopping ? t("Stopping") : state || typingWords(store, parentId);
  const kind = state ? (failed ? "error" : "bot") : text ? "typing" : "";
  return html`<div class="activity" data-kind=${kind}>
    <span class="pulse" aria-hidden="true" /><span class="activity-words">${text}</span>
    <button class="stop-button" type="button" hidden=${!state || stopping || failed} onClick=${() => stopNow(chat, parentId)}><${Icon} name="stop" />${t("Stop")}</button>
  </div>`;
}
