/** The list of conversations. */
import { shortTime } from "../clock.js";
import { t } from "../i18n.js";
import { Avatar, displayName } from "../people.js";
import { plainText } from "../plain.js";
import { Icon, IconButton, html, isPhone, memo } from "../ui.js";
import { NewButton } from "./empty.js";
import { Start } from "./start.js";

const PHASES = { online: "Online", connecting: "Connecting", waiting: "Reconnecting", offline: "Offline", refused: "Not connected", closed: "Not connected" };
const NONE = { loading: "Loading…", failed: "The conversations could not be loaded.", ready: "No conversations yet." };

export function Sidebar({ chat, leave }) {
  const { store } = chat;
  const { phase } = store.connection;
  const channels = store.sortedChannels;
  // On a phone the list is all that is shown, and so the page's main part.
  const isMain = isPhone() && !store.activeCid && !store.view;
  return html`<div class="sidebar" role=${isMain ? "main" : "navigation"} aria-label=${t("Conversations")} data-phase=${phase}>
    ${store.active?.loaded && html`<a class="skip" href="#composer">${t("Skip to the message box")}</a>`}
    <div class="sidebar-head"><img src="/playground/mark.svg" alt="" width="28" height="28" />${isMain ? html`<h1 class="brand">Playground</h1>` : html`<span class="brand">Playground</span>`}
      <${IconButton} icon="search" label=${t("Search")} aria-expanded=${store.panel === "search"} onClick=${() => chat.togglePanel("search")} /></div>
    <${NewButton} chat=${chat} className="new-button" />
    ${chat.team.bots.length > 0 && html`<${QueueButton} chat=${chat} />`}
    <div class="channel-place">
      ${isMain && channels.length === 0 && store.bots.length > 0 && html`<${Start} chat=${chat} />`}
      <ul class="channel-list">${channels.map((channel) => html`<${Row} key=${channel.cid} ...${rowOf(store, channel)} open=${chat.openByCid} />`)}
        ${channels.length === 0 && html`<li class="channel-none" key="none">${t(NONE[store.listState])}</li>`}</ul>
      ${store.hasMoreChannels && html`<button class="button button-small channel-more" type="button" onClick=${() => chat.loader.loadMore()}>${t("Show more")}</button>`}
    </div>
    <div class="me"><${Avatar} user=${store.me} /><div class="me-words"><span class="me-name">${displayName(store.me)}</span><span class="me-state">${t(PHASES[phase])}</span></div>
      <${IconButton} icon="bell" label=${t("Notifications")} aria-pressed=${chat.notices.on} onClick=${() => chat.notices.toggle()} />
      <button class="button button-small" type="button" onClick=${leave}>${t("Switch user")}</button></div>
  </div>`;
}

function QueueButton({ chat }) {
  const { queue, view } = chat.store;
  const waiting = queue ? queue.cards.length + queue.channels.filter(({ channel }) => !channel.handover.taken_by).length : 0;
  return html`<button class="channel queue-button" type="button" aria-current=${view === "queue" ? "true" : null} onClick=${() => chat.show("queue")}><${Icon} name="queue" />
    <span class="channel-title">${t("Queue")}</span>${waiting > 0 && html`<span class="badge">${waiting}<span class="visually-hidden"> ${t("waiting")}</span></span>`}</button>`;
}

function rowOf(store, channel) {
  const time = shortTime(channel.lastMessage?.created_at ?? channel.data.last_message_at ?? channel.data.created_at);
  return { cid: channel.cid, title: channel.title, current: channel.cid === store.activeCid, preview: previewOf(store, channel), time, unread: channel.unread };
}

const Row = memo(({ cid, title, current, preview, time, unread, open }) => html`<li>
  <button class=${`channel ${unread ? "is-unread" : ""}`} type="button" aria-current=${current ? "true" : null} onClick=${() => open(cid)}>
    <span class="channel-line"><span class="channel-title" dir="auto">${title}</span><span class="channel-time">${time}</span></span>
    <span class="channel-line"><span class="channel-preview">${preview}</span>${unread > 0 && html`<span class="badge">${unread > 99 ? "99+" : unread}<span class="visually-hidden"> ${t("unread")}</span></span>`}</span>
  </button></li>`);

function previewOf(store, channel) {
  const activity = channel.activityIn(null);
  const last = channel.lastMessage;
  if (activity && (!last || !last.text || last.user?.id === activity.user?.id)) return t("{name} is answering…", { name: displayName(store.userOf(activity.user)) });
  if (!last) return t("No messages yet");
  if (last.type === "deleted") return t("Message deleted");
  const text = plainText((last.text ?? "").slice(0, 200)) || (last.attachments?.length ? t("Attachment") : "…");
  return last.user?.id === store.me?.id ? t("You: {text}", { text }) : text;
}
