/** The top of a conversation: its name, who is in it, and who answers. */
import { handoverOf, sayHandover } from "../handover.js";
import { t } from "../i18n.js";
import { displayName } from "../people.js";
import { plainText } from "../plain.js";
import { Icon, IconButton, html } from "../ui.js";

const SHOWN = 4;

export function Header({ chat }) {
  const { store } = chat;
  const { active: channel } = store;
  const state = channel ? handoverOf(channel.data, (id) => displayName(store.userOf({ id }))) : null;
  return html`<header class="header">
    <div class="header-bar">
      <${IconButton} icon="back" className="icon-button only-phone" label=${t("All conversations")} onClick=${() => chat.closeChannel()} />
      <div class="header-words"><h1 class=${`header-title ${channel ? "" : "visually-hidden"}`} tabindex="-1" dir="auto">${channel?.title ?? "Playground"}</h1>
        <div class="header-people">${channel && html`<${People} store=${store} members=${[...channel.members.values()]} />`}</div></div>
      ${channel && html`<${IconButton} icon="people" label=${t("People")} aria-expanded=${store.panel === "people"} onClick=${() => chat.togglePanel("people")} />`}
      <${IconButton} icon="wire" label=${t("Events on the wire")} aria-expanded=${store.panel === "wire"} onClick=${() => chat.togglePanel("wire")} />
    </div>
    ${channel?.pinned.length > 0 && html`<button class="pinned" type="button" onClick=${() => chat.openAround(channel.cid, { id_around: channel.pinned.at(-1).id }, channel.pinned.at(-1))}><${Icon} name="pin" />
      <span class="people-name" dir="auto">${plainText(channel.pinned.at(-1).text ?? "") || t("Attachment")}</span></button>`}
    <div class="handover" role="status" hidden=${!state} data-state=${state?.state ?? ""}>${state && html`<${Icon} name="person" />
      <span>${sayHandover(state)}${state.reason && ` ${state.reason}`}</span><${TeamButtons} chat=${chat} channel=${channel} state=${state.state} /><${ActAs} store=${store} ids=${state.ids} cid=${channel.cid} />`}</div>
    ${channel && !state && html`<${TeamBar} chat=${chat} channel=${channel} />`}
  </header>`;
}

/** For the team: what the bot understands as its words. */
function TeamButtons({ chat, channel, state }) {
  if (!chat.team.bots.length) return null;
  return state === "human" ? html`<button class="button button-small handover-link" type="button" onClick=${() => chat.team.handBack(channel.cid)}>${t("Hand back")}</button>`
    : html`<button class="button button-small handover-link" type="button" onClick=${() => chat.team.takeOver(channel.cid)}>${t("Take over")}</button>`;
}

/** For the team, while the bot answers a customer. */
function TeamBar({ chat, channel }) {
  const bot = chat.team.botOf(channel);
  const isDesk = bot?.desks.includes(channel.cid) || chat.store.bots.some((one) => one.rooms.includes(channel.cid));
  if (!bot || isDesk || channel.data.created_by?.id === chat.store.me.id) return null;
  return html`<div class="handover" data-state="bot"><${Icon} name="bot" /><span>${t("{name} answers here.", { name: bot.name })}</span><${TeamButtons} chat=${chat} channel=${channel} state="bot" /></div>`;
}

/** In a sandbox one person plays all parts: the way to the other side of a handover. */
function ActAs({ store, ids, cid }) {
  const [id] = ids;
  if (!id || ids.includes(store.me?.id ?? "")) return null;
  return html`<a class="handover-link" href=${`?${new URLSearchParams({ user: id, channel: cid })}`} target="_blank" rel="noopener">${t("Act as {name}", { name: displayName(store.userOf({ id })) })}</a>`;
}

function People({ store, members }) {
  const sorted = members.map((member) => ({ ...member, id: member.user_id ?? member.user?.id })).sort((a, b) => Number(store.isOnline(b.id)) - Number(store.isOnline(a.id)));
  return [...sorted.slice(0, SHOWN).map(({ id, user }) => {
    const online = store.isOnline(id);
    const name = id === store.me?.id ? t("You") : displayName(store.userOf(user));
    const words = online ? t("online") : t("offline");
    return html`<span key=${id} class=${`presence ${online ? "is-online" : ""}`} title=${`${name}: ${words}`}><i aria-hidden="true" />${name}<span class="visually-hidden"> (${words})</span></span>`;
  }), members.length > SHOWN && html`<span class="presence">${t("and {n} more", { n: members.length - SHOWN })}</span>`];
}
