/** The side panel with the people of a conversation: who is there in which role, and how others come in. */
import { t, tn } from "../i18n.js";
import { Avatar, displayName } from "../people.js";
import { html, useEffect, useRef, useState, writeClipboard } from "../ui.js";
import { PanelHead } from "./thread.js";

const PAGE = 100;
const FOUND = 8;
const PAUSE_MS = 200;

/** Keyed by the channel. */
export function PeoplePanel({ chat }) {
  const { store } = chat;
  const { active: channel } = store;
  const [members, setMembers] = useState([...channel.members.values()]);
  const [more, setMore] = useState(false);
  const load = async (offset) => {
    const answer = await chat.attempt("The people could not be loaded", () => chat.api.members(channel.cid, offset, PAGE));
    if (!answer) return;
    setMembers((before) => [...(offset ? before : []), ...answer.members]);
    setMore(answer.members.length === PAGE);
  };
  useEffect(() => void load(0), [channel.members.size, store.connection.phase === "online"]);
  const ids = new Set(members.map(idOf));
  return html`<section class="panel-body people-panel" aria-label=${t("People")}>
    <${PanelHead} title=${t("People")} closeLabel=${t("Close the list of people")} close=${() => chat.closePanel("people")} />
    <div class="panel-scroll">
      ${channel.may("update-channel-members") && html`<${AddPeople} chat=${chat} channel=${channel} known=${ids} />`}
      <h3>${tn("{n} person or bot", "{n} people and bots", Math.max(members.length, Number(channel.data.member_count) || 0))}</h3>
      <ul class="people-list" aria-label=${t("Members")}>${members.map((member) => html`<${Member} key=${idOf(member)} store=${store} channel=${channel} member=${member} />`)}</ul>
      ${more && html`<button class="button button-small" type="button" onClick=${() => load(members.length)}>${t("Show more")}</button>`}
    </div>
  </section>`;
}

function idOf(member) {
  return member.user_id ?? member.user?.id;
}

function Member({ store, channel, member }) {
  const id = idOf(member);
  const user = { ...member.user, ...store.userOf(member.user) };
  const bot = store.isBot(id);
  const online = store.isOnline(id);
  return html`<li class="people-row"><${Avatar} user=${user} bot=${bot} />
    <span class="people-name" dir="auto" title=${displayName(user)}>${id === store.me.id ? t("{name} (you)", { name: displayName(user) }) : displayName(user)}</span>
    <span class="people-role">${roleOf(channel, member, bot)}</span>
    <span class=${`presence ${online ? "is-online" : ""}`}><i aria-hidden="true" /><span class="visually-hidden">${online ? t("online") : t("offline")}</span></span></li>`;
}

function roleOf(channel, member, bot) {
  const role = member.user?.role;
  if (bot) return t("Bot");
  if (role === "guest") return t("Guest");
  if (role === "admin" || role === "moderator") return t("Team");
  if (member.channel_role === "channel_moderator") return t("Moderator");
  return channel.data.created_by?.id === idOf(member) ? t("Started it") : t("Member");
}

function AddPeople({ chat, channel, known }) {
  const [found, setFound] = useState([]);
  const [wanted, setWanted] = useState("");
  const [note, setNote] = useState("");
  const timer = useRef(0);
  useEffect(() => {
    clearTimeout(timer.current);
    if (!wanted.trim()) return setFound([]);
    timer.current = setTimeout(async () => {
      const filter_conditions = { $or: [{ name: { $autocomplete: wanted.trim() } }, { id: { $autocomplete: wanted.trim() } }] };
      const answer = await chat.attempt("The search failed", () => chat.api.queryUsers({ filter_conditions, limit: FOUND }));
      if (answer) setFound(answer.users);
    }, PAUSE_MS);
    return () => clearTimeout(timer.current);
  }, [wanted]);
  const add = async (user) => {
    const answer = await chat.attempt("Nobody was added", () => chat.api.addMembers(channel.cid, [user.id]));
    if (!answer) return;
    setNote(t("{name} was added.", { name: displayName(user) }));
    setWanted("");
  };
  const link = async () => {
    const address = await chat.bots.invite(channel.cid);
    if (address) setNote((await writeClipboard(address)) ? t("The link was copied. Whoever opens it within a week joins, as a guest too.") : address);
  };
  return html`<div class="people-add" role="search">
    <input type="search" class="wire-filter" aria-label=${t("Add people by name")} placeholder=${t("Add people by name")} value=${wanted} onInput=${(event) => setWanted(event.target.value)} />
    <button class="button button-small" type="button" onClick=${link}>${t("Copy an invite link")}</button>
    <ul class="people-list" aria-label=${t("Found people")}>${found.filter((user) => !known.has(user.id)).map((user) => html`<li class="people-row" key=${user.id}><${Avatar} user=${user} bot=${chat.store.isBot(user.id)} />
      <span class="people-name" dir="auto">${displayName(user)}</span><button class="button button-small" type="button" aria-label=${t("Add {name}", { name: displayName(user) })} onClick=${() => add(user)}>${t("Add")}</button></li>`)}</ul>
    <p class="people-note" role="status">${wanted.trim() && found.length === 0 ? t("Nobody of this name.") : note}</p>
  </div>`;
}
