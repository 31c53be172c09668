/** Whom to talk to: the bots of this server, what to ask them, and the channels that are open. */
import { titleOf } from "../channel.js";
import { t } from "../i18n.js";
import { Avatar } from "../people.js";
import { Icon, html, useEffect, useRef } from "../ui.js";

/** `focus`: the reader asked for this, so the first button gets the focus. */
export function Start({ chat, focus }) {
  const { store } = chat;
  const place = useRef(null);
  useEffect(() => void (focus && place.current?.querySelector("button")?.focus()), [focus]);
  return html`<div class="start" ref=${place}>
    <h2>${t("Whom do you want to talk to?")}</h2>
    <ul class="start-bots">${store.bots.map((bot) => html`<${BotCard} key=${bot.user_id} chat=${chat} bot=${bot} />`)}</ul>
  </div>`;
}

function BotCard({ chat, bot }) {
  const canTalk = bot.conversations.length > 0;
  const rooms = [...bot.rooms, ...bot.desks];
  return html`<li class="start-bot">
    <div class="start-head"><${Avatar} user=${{ id: bot.user_id, ...bot }} bot />
      <div><h3 dir="auto">${bot.name}</h3><p class=${`presence ${bot.online ? "is-online" : ""}`}><i aria-hidden="true" />${bot.online ? t("online") : t("not running")}</p></div></div>
    ${bot.description && html`<p class="start-words" dir="auto">${bot.description}</p>`}
    ${canTalk && html`<button class="button button-primary" type="button" onClick=${() => chat.bots.talk(bot)}><${Icon} name="plus" />${t("Talk to {name}", { name: bot.name })}</button>`}
    ${canTalk && bot.starters.length > 0 && html`<div class="suggestions-row">${bot.starters.map((text) => html`<button class="suggestion" type="button" dir="auto" onClick=${() => chat.bots.talk(bot, text)}>${text}</button>`)}</div>`}
    ${rooms.length > 0 && html`<ul class="start-rooms" aria-label=${t("Channels")}>${rooms.map((cid) => html`<li key=${cid}><button title=${cid} class="link-button" type="button"
      onClick=${() => (bot.joined.includes(cid) ? chat.openChannel(cid) : chat.bots.join(cid))}><${Icon} name="people" />${bot.joined.includes(cid) ? t("Open {channel}", { channel: titleOf(cid) }) : t("Join {channel}", { channel: titleOf(cid) })}</button></li>`)}</ul>`}
  </li>`;
}
