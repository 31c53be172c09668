/** The middle of the page: one conversation. */
import { t } from "../i18n.js";
import { html, useState } from "../ui.js";
import { Activity } from "./activity.js";
import { Banner } from "./banner.js";
import { Composer } from "./composer.js";
import { NoMessages, blankScreen } from "./empty.js";
import { Header } from "./header.js";
import { MessageList } from "./message-list.js";

const LONELY_MS = 5_000;

export function Conversation({ chat, leave }) {
  const { store } = chat;
  const { active: channel } = store;
  const [dropping, setDropping] = useState(false);
  const blank = blankScreen(chat);
  const dropped = (event) => {
    setDropping(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    store.emit("files", [...event.dataTransfer.files]);
  };
  const over = (event) => hasFiles(event) && (event.preventDefault(), setDropping(true));
  const left = (event) => event.currentTarget.contains(event.relatedTarget) || setDropping(false);
  return html`<main id="conversation" class=${`conversation ${dropping ? "is-dropping" : ""}`} data-drop=${t("Drop to attach")} onDragOver=${over} onDragLeave=${left} onDrop=${dropped}>
    <${Header} chat=${chat} /><${Banner} chat=${chat} leave=${leave} />
    ${blank ? html`<div class="blank">${blank}</div>` : html`
      <${MessageList} key=${`list ${channel.cid}`} chat=${chat} channel=${channel} messages=${channel.messages} label=${t("Messages")} hasOlder=${channel.hasOlder} hasNewer=${channel.hasNewer} newer=${() => chat.loadNewer(channel)} newest=${() => chat.loadNewest(channel)}
        older=${() => chat.loadOlder(channel)} empty=${html`<${NoMessages} chat=${chat} channel=${channel} />`} />
      <div class="foot" key=${`foot ${channel.cid}`}>${isLonely(store, channel) && html`<${NoBotHint} />`}<${Activity} chat=${chat} parentId=${null} />
        <${Composer} chat=${chat} channel=${channel} id="composer" label=${t("Write a message")} parentId=${null} editLast=${() => chat.editLast(channel.messages)} /></div>`}
  </main>`;
}

function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** A person wrote some time ago, and nobody but them is in the channel. */
function isLonely(store, channel) {
  const last = channel.lastMessage;
  const waiting = last && !last.local && last.user?.id === store.me?.id && Date.now() - Date.parse(last.created_at) > LONELY_MS;
  return waiting && channel.members.size < 2 && channel.activity.size === 0 && store.connection.phase === "online";
}

function NoBotHint() {
  return html`<div class="hint" role="note"><p>${t("No bot has joined this channel yet. Start one beside this server:")}</p><pre><code>python -m framework run support_bot</code></pre></div>`;
}
