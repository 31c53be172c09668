/** The top of a conversation: its name, who is in it, and who answers. */
import { handoverOf, sayHandover } from "../handover.js";
import { t } from "../i18n.js";
import { displayName } from "../people.js";
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
      <${IconButton} icon="wire" label=${t("Events on the wire")} aria-expanded=${store.panel === "wire"} onClick=${() => chat.togglePanel("wire")} />
    </div>
    <div class="handover" role="status" hidden=${!state} data-state=${state?.state ?? ""}>${state && html`<${Icon} name="person" />
      <span>${sayHandover(state)}${state.reason && ` ${state.reason}`}</span><${ActAs} store=${store} ids=${state.ids} cid=${channel.cid} />`}</div>
  </header>`;
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
