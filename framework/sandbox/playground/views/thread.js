/** The side panel with one thread. */
import { t } from "../i18n.js";
import { IconButton, html, useEffect } from "../ui.js";
import { Activity } from "./activity.js";
import { Composer } from "./composer.js";
import { MessageList } from "./message-list.js";

/** The head of every side panel. */
export function PanelHead({ title, closeLabel, close }) {
  return html`<div class="panel-head"><h2>${title}</h2><${IconButton} icon="close" label=${closeLabel} onClick=${close} /></div>`;
}

/** Keyed by the thread. */
export function Thread({ chat }) {
  const { store } = chat;
  const { active: channel, threadId: id } = store;
  const { replies, hasOlder } = channel.thread(id);
  const parent = channel.find(id);
  // Closed, it leaves the focus on the message that it hangs on, and not at the top of the page.
  useEffect(() => () => requestAnimationFrame(() => document.activeElement === document.body && document.querySelector(`#conversation [data-id="${CSS.escape(id)}"]`)?.focus()), []);
  const messages = parent ? [parent, ...replies] : [];
  return html`<section class="panel-body" aria-label=${t("Thread")}>
    <${PanelHead} title=${t("Thread")} closeLabel=${t("Close the thread")} close=${() => chat.closePanel("thread")} />
    <${MessageList} chat=${chat} channel=${channel} messages=${messages} label=${t("Thread")} inThread hasOlder=${hasOlder} older=${() => chat.loadReplies(channel, id, true)} />
    <div class="foot"><${Activity} chat=${chat} parentId=${id} />
      <${Composer} chat=${chat} channel=${channel} id="thread-composer" label=${t("Reply in this thread")} parentId=${id} editLast=${() => chat.editLast(messages)} /></div>
  </section>`;
}
