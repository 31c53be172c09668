/** What may follow an @ or a / in the message box: people of the conversation, and commands. */
import { t } from "../i18n.js";
import { Avatar, displayName } from "../people.js";
import { html } from "../ui.js";

const MOST = 8;
const MENTION = /(?:^|\s)@([^\s@]*(?: [^\s@]*)?)$/u;
const COMMAND = /^\/(\S*)$/;

/** What is being written at the end of a text: `[{key, label, about, insert, user}]`, the likeliest first. */
export function completionsOf(chat, channel, text) {
  const mention = MENTION.exec(text);
  if (mention) return people(chat, channel, mention[1].toLowerCase(), text.slice(0, text.length - mention[1].length));
  const command = COMMAND.exec(text);
  return command ? commands(chat, channel, command[1].toLowerCase()) : [];
}

function people({ store }, channel, begun, before) {
  const users = [...channel.members.values()].map((member) => store.userOf(member.user)).filter((user) => user && user.id !== store.me.id);
  const fits = (user) => [displayName(user), user.id].some((name) => name.toLowerCase().split(/[\s_-]+/).some((word) => word.startsWith(begun)) || name.toLowerCase().startsWith(begun));
  return users.filter(fits).slice(0, MOST).map((user) => ({ key: user.id, label: displayName(user), about: store.isBot(user.id) ? t("Bot") : "", insert: `${before}${displayName(user)} `, user }));
}

function commands({ team }, channel, begun) {
  const own = (channel.data.config?.commands ?? []).map(({ name, description, args }) => ({ key: name, label: `/${name} ${args ?? ""}`.trim(), about: description ?? "", insert: `/${name} ` }));
  const resume = team.botOf(channel)?.resume;
  const all = resume?.startsWith("/") ? [{ key: resume, label: resume, about: t("Hand back"), insert: resume }, ...own] : own;
  return all.filter(({ label }) => label.slice(1).toLowerCase().startsWith(begun)).slice(0, MOST);
}

/** Ids of those whose name stands in a text after an @. */
export function mentionedIn({ store }, channel, text) {
  return [...channel.members.values()].map((member) => store.userOf(member.user)).filter((user) => user && text.includes(`@${displayName(user)}`)).map((user) => user.id);
}

export function Completion({ id, options, index, choose, store }) {
  return html`<ul class="completion" role="listbox" id=${id} aria-label=${t("Suggestions")}>${options.map((option, at) => html`<li key=${option.key} id=${`${id}-${at}`} role="option" aria-selected=${at === index}
    onMouseDown=${(event) => (event.preventDefault(), choose(option))}>${option.user && html`<${Avatar} user=${option.user} bot=${store.isBot(option.user.id)} />`}<span class="people-name" dir="auto">${option.label}</span><span class="people-role">${option.about}</span></li>`)}</ul>`;
}
