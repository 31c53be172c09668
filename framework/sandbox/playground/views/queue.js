/** What waits for the team: people, drafts, decisions; and what this person is at. */
import { millis } from "../clock.js";
import { t, tn } from "../i18n.js";
import { displayName } from "../people.js";
import { plainText } from "../plain.js";
import { html, useEffect, useState } from "../ui.js";

const EVERY_MS = 5_000;

export function Queue({ chat }) {
  const { store, team } = chat;
  useEffect(() => {
    team.load();
    const timer = setInterval(() => team.load(), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const { channels, cards } = store.queue ?? { channels: [], cards: [] };
  const me = displayName(store.me);
  const isMine = ({ channel }) => [me, store.me.id].includes(channel.handover.taken_by);
  const waiting = channels.filter(({ channel }) => !channel.handover.taken_by);
  const mine = channels.filter(isMine);
  const others = channels.filter((state) => state.channel.handover.taken_by && !isMine(state));
  const drafts = cards.filter((card) => card.review.kind === "draft");
  const approvals = cards.filter((card) => card.review.kind === "tool");
  const longest = waiting.length ? t("the longest for {time}", { time: waited(waiting[0].channel.handover.since) }) : "";
  const summary = [tn("{n} person waits", "{n} people wait", waiting.length) + (longest && `, ${longest}`), tn("{n} draft", "{n} drafts", drafts.length), tn("{n} approval", "{n} approvals", approvals.length), t("{n} with you", { n: mine.length })];
  const rows = (list) => list.map((state) => html`<${Handed} key=${state.channel.cid} chat=${chat} state=${state} />`);
  const decisions = (list) => list.map((card) => html`<${Decision} key=${card.id} chat=${chat} card=${card} />`);
  return html`<div class="queue" tabindex="0" role="group" aria-label=${t("Queue")}>
    <h2>${t("Queue")}</h2><p class="queue-summary" role="status">${store.queue ? summary.join(" · ") : t("Loading…")}</p>
    <${Part} title=${t("Waiting for a person")} none=${t("Nobody waits.")}>${rows(waiting)}<//>
    <${Part} title=${t("Drafts")} none=${t("No draft waits.")}>${decisions(drafts)}<//>
    <${Part} title=${t("Approvals")} none=${t("Nothing waits for approval.")}>${decisions(approvals)}<//>
    <${Part} title=${t("With you")} none=${t("You have no conversation.")}>${rows(mine)}<//>
    ${others.length > 0 && html`<${Part} title=${t("With others")}>${rows(others)}<//>`}
  </div>`;
}

function Part({ title, none, children }) {
  return html`<section class="queue-part"><h3>${title}</h3>${children.length ? html`<ul>${children}</ul>` : html`<p class="queue-none">${none}</p>`}</section>`;
}

function Handed({ chat, state }) {
  const { channel, messages, members } = state;
  const { handover, cid } = channel;
  const customer = members.map((member) => member.user).find((user) => user && user.id !== handover.by && !["admin", "moderator"].includes(user.role) && user.id !== chat.store.me.id);
  const last = messages.at(-1);
  const taken = Boolean(handover.taken_by);
  const open = () => chat.team.open(cid);
  return html`<li class="queue-row">
    <div class="queue-words"><button class="queue-title" type="button" dir="auto" onClick=${open}>${displayName(customer ?? { id: channel.name ?? cid })}</button>
      <p class="queue-about">${taken ? t("{name} has it", { name: handover.taken_by }) : t("waits for {time}", { time: waited(handover.since) })}${handover.reason && ` · ${handover.reason}`}</p>
      ${last && html`<p class="queue-last" dir="auto">${plainText((last.text ?? "").slice(0, 200))}</p>`}</div>
    <div class="queue-buttons"><button class="button button-small" type="button" onClick=${open}>${t("Open")}</button>
      ${taken ? html`<button class="button button-small" type="button" onClick=${() => chat.team.handBack(cid)}>${t("Hand back")}</button>`
        : html`<button class="button button-small button-primary" type="button" onClick=${() => chat.team.takeOver(cid)}>${t("Take over")}</button>`}</div>
  </li>`;
}

function Decision({ chat, card }) {
  const { team } = chat;
  const attachment = card.attachments?.find((one) => one.type === "card") ?? {};
  const [editing, setEditing] = useState(false);
  const [text, setText] = useState(card.text ?? "");
  const isDraft = card.review.kind === "draft";
  const [yes, no] = isDraft ? [t("Send"), t("Drop")] : [t("Approve"), t("Deny")];
  const button = (label, work, primary) => html`<button class=${`button button-small ${primary ? "button-primary" : ""}`} type="button" onClick=${work}>${label}</button>`;
  const cid = card.review.channel;
  return html`<li class="queue-row is-card">
    <div class="queue-words"><p class="queue-title" dir="auto">${attachment.title ?? t("Decision")}</p><p class="queue-about" dir="auto">${attachment.text ?? ""}</p>
      ${editing ? html`<textarea class="editor-box" rows="5" dir="auto" aria-label=${t("The draft")} value=${text} onInput=${(event) => setText(event.target.value)} />`
        : html`<p class="queue-text" dir="auto">${card.text}</p>`}</div>
    <div class="queue-buttons">${cid && button(t("Open"), () => team.open(cid))}
      ${editing ? html`${button(t("Cancel"), () => setEditing(false))}${button(t("Send the changed draft"), async () => (await team.amend(card, text.trim())) && setEditing(false), true)}`
        : html`${isDraft && button(t("Edit draft"), () => setEditing(true))}${button(no, () => team.decide(card, isDraft ? "drop" : "deny"))}${button(yes, () => team.decide(card, isDraft ? "send" : "approve"), true)}`}</div>
  </li>`;
}

/** How long ago, in words of the reader's language. */
function waited(since) {
  const minutes = Math.max(0, Math.round((Date.now() - millis(since)) / 60_000));
  const [value, unit] = minutes < 60 ? [minutes, "minute"] : minutes < 48 * 60 ? [Math.round(minutes / 60), "hour"] : [Math.round(minutes / 1_440), "day"];
  return new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay: "long" }).format(value);
}
