/** What to show where nothing is yet, so that a first visit knows what to do. */
import { t } from "../i18n.js";
import { Icon, html } from "../ui.js";
import { lazy } from "./lazy.js";
import { Start } from "./start.js";

const Queue = lazy(() => import("./queue.js"), "Queue");

function Empty({ icon = "thread", title, failed, children }) {
  return html`<div class="empty" role=${failed ? "alert" : null}>
    <span class=${`empty-mark ${failed ? "is-error" : ""}`} aria-hidden="true"><${Icon} name=${icon} /></span><h2>${title}</h2>${children}</div>`;
}

/** What stands in place of the messages; null where they can be shown. */
export function blankScreen(chat) {
  const { store } = chat;
  const { activeCid: cid, active, connection, view } = store;
  if (view === "queue") return html`<${Queue} chat=${chat} />`;
  if (store.openErrors[cid]) return html`<${CannotOpen} chat=${chat} cid=${cid} reason=${store.openErrors[cid]} />`;
  if (connection.phase === "refused" && !active) return html`<${Refused} reason=${connection.reason ?? ""} />`;
  if (cid && store.offeredCid === cid) return html`<${Offered} chat=${chat} cid=${cid} />`;
  if (!cid && store.bots.length) return html`<${Start} chat=${chat} focus=${view === "start"} />`;
  if (!cid && store.listState !== "loading") return html`<${NothingOpen} chat=${chat} />`;
  return active?.loaded ? null : html`<${Loading} />`;
}

function NothingOpen({ chat }) {
  const hasSome = chat.store.channels.size > 0;
  return html`<${Empty} title=${hasSome ? t("Pick a conversation") : t("Start your first conversation")}>
    <p>${hasSome ? t("Or start a new one and see how the bot answers.") : t("A new conversation opens, and the bot joins it by itself.")}</p>
    <${NewButton} chat=${chat} /><//>`;
}

export function NewButton({ chat, className = "" }) {
  return html`<button class=${`button button-primary ${className}`} type="button" onClick=${() => chat.startConversation()}><${Icon} name="plus" />${t("New conversation")}</button>`;
}

/** No message yet. */
export function NoMessages({ chat, channel }) {
  const alone = channel.members.size < 2;
  const bot = chat.store.bots.find((one) => channel.members.has(one.user_id));
  const starters = [channel.data.suggestions, bot?.starters].find(Array.isArray)?.filter((text) => typeof text === "string").slice(0, 6) ?? [];
  const names = channel.othersNamed(chat.store.me?.id ?? "");
  const here = channel.members.size > 2 ? t("{names} are here. Write below, as a customer would.", { names }) : t("{names} is here. Write below, as a customer would.", { names });
  return html`<${Empty} title=${t("Ask anything")}>
    <p>${alone ? t("Write below, as a customer would. A bot that serves this channel joins and answers here.") : here}</p>
    ${starters.length > 0 && html`<div class="suggestions-row">${starters.map((text) => html`<button class="suggestion" type="button" dir="auto" onClick=${() => chat.send(channel, { text })}>${text}</button>`)}</div>`}<//>`;
}

function CannotOpen({ chat, cid, reason }) {
  const isOpen = chat.store.bots.some((bot) => bot.rooms.includes(cid) || bot.desks.includes(cid));
  return html`<${Empty} icon="close" failed title=${t("This conversation cannot be opened")}>
    <p>${reason}</p><p class="empty-detail"><code>${cid}</code></p>
    <div class="empty-buttons"><button class="button" type="button" onClick=${() => (isOpen ? chat.bots.join(cid) : chat.openChannel(cid))}><${Icon} name=${isOpen ? "people" : "retry"} />${isOpen ? t("Join") : t("Try again")}</button><${NewButton} chat=${chat} /></div><//>`;
}

/** The address names a conversation that is not among this person's. */
function Offered({ chat, cid }) {
  const isOpen = chat.store.bots.some((bot) => bot.rooms.includes(cid) || bot.desks.includes(cid));
  return html`<${Empty} title=${t("Start this conversation?")}>
    <p>${t("The link that you opened names a conversation that is not yours yet.")}</p><p class="empty-detail"><code>${cid}</code></p>
    <div class="empty-buttons"><button class="button button-primary" type="button" id="offered" onClick=${() => (isOpen ? chat.bots.join(cid) : chat.openChannel(cid))}><${Icon} name="plus" />${isOpen ? t("Join it") : t("Start it")}</button></div><//>`;
}

function Refused({ reason }) {
  return html`<${Empty} icon="close" failed title=${t("The server refused the connection")}><p>${reason}</p><a class="button button-primary" href="/">${t("Choose a name again")}</a><//>`;
}

function Loading() {
  return html`<div class="loading" role="status" aria-label=${t("Loading the conversation")}><span class="bone w60" /><span class="bone w80" /><span class="bone w40" /></div>`;
}
