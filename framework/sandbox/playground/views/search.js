/** The side panel that finds messages, people, conversations, and the day that one looks for. */
import { shortTime } from "../clock.js";
import { t } from "../i18n.js";
import { Avatar, displayName } from "../people.js";
import { plainText } from "../plain.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../ui.js";
import { PanelHead } from "./thread.js";

const FOUND = 20;
const PEOPLE = 5;
const PAUSE_MS = 250;
const AROUND = 120;

export function Search({ chat }) {
  const { store } = chat;
  const [wanted, setWanted] = useState("");
  const [found, setFound] = useState(null);
  const box = useRef(null);
  useLayoutEffect(() => box.current.focus(), []);
  const online = store.connection.phase === "online";
  useEffect(() => {
    const text = wanted.trim();
    if (!text) return setFound(null);
    const timer = setTimeout(async () => setFound(await look(chat, text)), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [wanted, online]);
  const { active: channel } = store;
  const channels = wanted.trim() ? store.sortedChannels.filter((one) => one.title.toLowerCase().includes(wanted.trim().toLowerCase())).slice(0, PEOPLE) : [];
  const none = found && found.messages.length + found.people.length + channels.length === 0;
  return html`<section class="panel-body" role="search" aria-label=${t("Search")}>
    <${PanelHead} title=${t("Search")} closeLabel=${t("Close the search")} close=${() => chat.closePanel("search")} />
    <div class="wire-tools"><input type="search" class="wire-filter" aria-label=${t("Search messages and people")} placeholder=${t("Search messages and people")} ref=${box} onInput=${(event) => setWanted(event.target.value)} /></div>
    ${channel && html`<label class="search-day">${t("Go to a day")} <input type="date" max=${new Date().toISOString().slice(0, 10)} onChange=${(event) => event.target.value && chat.openAround(channel.cid, { created_at_around: `${event.target.value}T00:00:00Z` })} /></label>`}
    <div class="panel-scroll" aria-live="polite">
      ${none && html`<p class="people-note">${t("Nothing was found.")}</p>`}
      <${Group} title=${t("Conversations")}>${channels.map((one) => html`<li key=${one.cid}><button class="channel" type="button" dir="auto" onClick=${() => chat.openChannel(one.cid)}>${one.title}</button></li>`)}<//>
      <${Group} title=${t("People")}>${(found?.people ?? []).map((user) => html`<li key=${user.id}><button class="channel people-row" type="button" onClick=${() => chat.openDirect(user)}><${Avatar} user=${user} bot=${store.isBot(user.id)} /><span class="people-name" dir="auto">${displayName(user)}</span></button></li>`)}<//>
      <${Group} title=${t("Messages")}>${(found?.messages ?? []).map((message) => html`<${Hit} key=${message.id} chat=${chat} message=${message} wanted=${wanted} />`)}<//>
    </div>
  </section>`;
}

/** What was found; null if the server did not answer. */
async function look(chat, text) {
  const me = chat.store.me.id;
  const people = { $or: [{ name: { $autocomplete: text } }, { id: { $autocomplete: text } }] };
  const [messages, users] = await Promise.all([
    chat.attempt("The search failed", () => chat.api.search({ filter_conditions: { members: { $in: [me] } }, query: text, limit: FOUND })),
    chat.attempt("The search failed", () => chat.api.queryUsers({ filter_conditions: people, limit: PEOPLE })),
  ]);
  return messages && users && { messages: messages.results.map(({ message }) => message), people: users.users.filter((user) => user.id !== me) };
}

function Group({ title, children }) {
  return children.length > 0 && html`<h3>${title}</h3><ul>${children}</ul>`;
}

function Hit({ chat, message, wanted }) {
  const text = plainText(message.text ?? "");
  const at = Math.max(0, text.toLowerCase().indexOf(wanted.trim().toLowerCase()) - AROUND / 3);
  const words = `${at > 0 ? "…" : ""}${text.slice(at, at + AROUND)}`;
  return html`<li><button class="channel" type="button" onClick=${() => chat.openAround(message.cid, { id_around: message.id }, message)}>
    <span class="channel-line"><span class="channel-title" dir="auto">${displayName(message.user)}</span><span class="channel-time">${shortTime(message.created_at)}</span></span>
    <span class="search-text" dir="auto">${words}</span></button></li>`;
}
