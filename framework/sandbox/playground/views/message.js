/** One message. It is drawn again only when it, or what it needs to know of its surroundings, changes. */
import { fullTime, timeOfDay } from "../clock.js";
import { handoverOf, sayHandover } from "../handover.js";
import { t, tn } from "../i18n.js";
import { renderMarkdown } from "../markdown.js";
import { Avatar, displayName } from "../people.js";
import { plainText } from "../plain.js";
import { Icon, html, memo, useRef, useState } from "../ui.js";
import { Attachments } from "./attachments.js";
import { Editor } from "./editor.js";
import { Poll } from "./poll.js";
import { Reactions, reactionCounts } from "./reactions.js";
import { Sources, readSources } from "./sources.js";
import { Tools } from "./tools.js";

const MOST_SUGGESTIONS = 6;
const QUOTED = 140;

/**
 * Props: chat, channel, message; `user` as known now; `grouped`: the one above is of the same person, a moment ago;
 * `groupEnd`: the one below is not; `last` of the list; `seenBy` names; `inThread`; `generating`; `tabStop`; `editing`;
 * `folded`: it was asked for again; `askAgain()` asks for this answer again, where that can be done.
 */
export const Message = memo((props) => {
  const { chat, channel, message, user, grouped, inThread, generating, tabStop, editing, folded, askAgain } = props;
  const [unfolded, unfold] = useState(false);
  const node = useRef(null);
  const mine = message.user?.id === chat.store.me?.id;
  const bot = message.ai_generated === true;
  const deleted = message.type === "deleted";
  const system = message.type === "system";
  const flags = { "is-mine": mine, "is-bot": bot, "is-grouped": grouped, "is-generating": generating, "is-deleted": deleted, "is-system": system, "is-note": isNote(message), "is-unsent": message.local };
  const focus = () => node.current?.focus();
  const classes = ["message", ...Object.keys(flags).filter((name) => flags[name])].join(" ");
  const showsHead = isNote(message) || (!grouped && !mine && !system); // who wrote a note, and when, is part of it
  const edit = (on) => {
    chat.edit(on ? message.id : "");
    if (!on) focus();
  };
  if (folded && !unfolded && !deleted) {
    return html`<li class="message is-folded" data-id=${message.id} tabindex=${tabStop ? 0 : -1} ref=${node} aria-label=${t("Earlier answer")}>
      <button class="link-button" type="button" onClick=${() => unfold(true)}><${Icon} name="retry" />${t("Earlier answer")}</button></li>`;
  }
  return html`<li class=${classes} data-id=${message.id} tabindex=${tabStop ? 0 : -1} aria-label=${`${displayName(user)}, ${timeOfDay(message.created_at)}`} ref=${node}>
    <div class="message-side">${showsHead && html`<${Avatar} user=${user} bot=${bot} />`}</div>
    <div class="message-main">
      ${showsHead && html`<${Head} user=${user} bot=${bot} at=${message.created_at} />`}
      ${editing && !deleted
        ? html`<${Editor} text=${message.text ?? ""} save=${(text) => chat.saveEdit(channel, message, text)} done=${() => edit(false)} />`
        : html`${message.quoted_message && !deleted && html`<${Quote} chat=${chat} channel=${channel} quoted=${message.quoted_message} />`}<${Body} message=${message} generating=${generating} />`}
      ${!system && html`<${Extras} ...${props} mine=${mine} bot=${bot} alive=${!deleted} />`}
      <div class="message-tools-place">${!deleted && !system && !message.local && !editing
        && html`<${Tools} chat=${chat} channel=${channel} message=${message} mine=${mine} inThread=${inThread} edit=${() => edit(true)} focus=${focus} askAgain=${askAgain} />`}</div>
    </div>
  </li>`;
});

function Head({ user, bot, at }) {
  return html`<div class="message-head"><span class="message-author">${displayName(user)}</span>${bot && html`<span class="bot-badge">AI</span>`}
    <time datetime=${at} title=${fullTime(at)}>${timeOfDay(at)}</time></div>`;
}

function Quote({ chat, channel, quoted }) {
  const text = quoted.type === "deleted" ? t("This message was deleted.") : plainText(quoted.text ?? "").slice(0, QUOTED) || t("Attachment");
  return html`<button class="quote" type="button" dir="auto" onClick=${() => chat.openAround(channel.cid, { id_around: quoted.id }, quoted)}><b>${displayName(chat.store.userOf(quoted.user))}</b> ${text}</button>`;
}

const Body = memo(({ message, generating }) => {
  const text = message.type === "deleted" ? t("This message was deleted.") : message.text ?? "";
  const waiting = generating && !text;
  const shown = waiting || (text && text !== message.poll?.name);
  const plain = message.type === "deleted" || message.type === "system";
  return html`<div class="message-body" hidden=${!shown}>${
    waiting ? html`<span class="dots" role="img" aria-label=${t("Waiting for the answer")}><i /><i /><i /></span>`
    : plain ? text : html`<div class="markdown" dir="auto">${renderMarkdown(text, { partial: generating })}</div>`}</div>`;
});

function Extras({ chat, channel, message, mine, bot, alive, last, seenBy, groupEnd, inThread, generating }) {
  const attachments = alive ? message.attachments ?? [] : [];
  const counts = alive ? reactionCounts(message, generating ? [] : message.feedback) : [];
  const replies = inThread ? 0 : message.reply_count ?? 0;
  const suggestions = alive && last && !mine && !generating && Array.isArray(message.suggestions)
    ? message.suggestions.filter((text) => typeof text === "string" && text.trim()).slice(0, MOST_SUGGESTIONS) : [];
  const { current: open } = useRef((source) => chat.openSource({ id: message.id }, source));
  const say = (text) => {
    chat.send(channel, { text, parentId: inThread ? message.parent_id ?? message.id : null });
    chat.store.emit("focus-composer", inThread);
  };
  return html`
    ${attachments.length > 0 && html`<div class="message-attachments"><${Attachments} attachments=${attachments} press=${(action) => chat.press(channel, message, action)} /></div>`}
    ${alive && message.poll?.id && html`<div class="message-poll"><${Poll} poll=${message.poll} vote=${(option, own) => chat.vote(channel, message, option, own)} /></div>`}
    ${alive && html`<${Note} store=${chat.store} message=${message} generating=${generating} />`}
    ${alive && typeof message.handover_channel === "string" && html`<div class="message-replies"><button class="link-button" type="button" onClick=${() => chat.team.open(message.handover_channel)}><${Icon} name="link" />${t("Open the conversation")}</button></div>`}
    ${alive && typeof message.review?.channel === "string" && message.review.channel !== channel.cid && html`<div class="message-replies"><button class="link-button" type="button" onClick=${() => chat.team.open(message.review.channel)}><${Icon} name="link" />${t("Open the conversation")}</button></div>`}
    ${alive && !generating && readSources(message.sources).length > 0 && html`<div class="message-sources"><${Sources} field=${message.sources} open=${open} /></div>`}
    ${counts.length > 0 && html`<div class="message-reactions"><${Reactions} message=${message} counts=${counts} toggle=${(type) => chat.toggleReaction(channel, message, type)} /></div>`}
    ${replies > 0 && html`<div class="message-replies"><button class="link-button" type="button" onClick=${() => chat.openThread(channel, message.id)}><${Icon} name="thread" />${tn("{n} reply", "{n} replies", replies)}</button></div>`}
    ${suggestions.length > 0 && html`<div class="message-suggestions">${suggestions.map((text) => html`<button class="suggestion" type="button" dir="auto" onClick=${() => say(text)}>${text}</button>`)}</div>`}
    ${alive && html`<${State} chat=${chat} channel=${channel} message=${message} mine=${mine} bot=${bot} seenBy=${seenBy} groupEnd=${groupEnd} />`}`;
}

/** What the team wrote beside the conversation, and the customer does not get. */
function isNote(message) {
  return message.note === "team" && message.restricted_visibility?.length > 0 && message.ai_generated !== true;
}

/** What a reader has to know of a message: a handover, an answer that was cut, who sees it. */
function Note({ store, message, generating }) {
  const handover = handoverOf(message, (id) => displayName(store.userOf({ id })));
  const forSome = message.restricted_visibility?.length > 0;
  const cut = message.generating === true && !generating;
  const text = handover ? sayHandover(handover) : message.stopped === true ? t("Stopped before the end.") : cut ? t("This answer was interrupted.") : isNote(message) ? t("Private note. Only the team sees this.") : forSome ? t("Only the team sees this.") : "";
  const pin = message.pinned ? html`<div class="message-note" data-kind="quiet"><${Icon} name="pin" /><span>${t("Pinned")}</span></div>` : null;
  if (!text) return pin;
  return html`${pin}<div class="message-note" data-kind=${handover ? "handover" : "quiet"}><${Icon} name=${handover || forSome ? "person" : "stop"} />
    <span>${text}${handover?.reason && ` ${handover.reason}`}</span></div>`;
}

/** Below a message: whether it was sent, changed and seen. */
function State({ chat, channel, message, mine, bot, seenBy, groupEnd }) {
  const { local } = message;
  const edited = message.message_text_updated_at && !bot;
  const words = local ? sayLocal(local) : [mine ? timeOfDay(message.created_at ?? "") : "", edited ? t("edited") : "", seenBy].filter(Boolean).join(" · ");
  if (!words || !(local || edited || (mine && (seenBy || groupEnd)))) return null;
  const button = (text, work) => html`<button class="link-button" type="button" onClick=${work}>${text}</button>`;
  return html`<div class="message-state" data-state=${local?.state ?? ""}><span>${words}</span>
    ${local?.state === "failed" && [button(t("Try again"), () => chat.resend(channel, message)), button(t("Discard"), () => chat.remove(channel, message))]}</div>`;
}

function sayLocal({ state, error }) {
  if (state === "sending") return t("Sending…");
  if (state === "waiting") return t("Not sent yet. It goes out when the connection is back.");
  return `${t("Not sent.")} ${error ?? ""}`.trim();
}
