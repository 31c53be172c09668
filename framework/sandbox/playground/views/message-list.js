/**
 * The messages of a channel or of a thread. At most WINDOW of them are drawn at once; the list stays at the newest one
 * while the reader is there, and leaves the place alone while they read above.
 */
import { dayName, millis } from "../clock.js";
import { t } from "../i18n.js";
import { displayName } from "../people.js";
import { Icon, calm, html, useEffect, useLayoutEffect, useRef, useState } from "../ui.js";
import { Message } from "./message.js";

const WINDOW = 120;
const STEP = 40;
const NEAR_PX = 90;
const EDGE_PX = 500;
const GROUP_MS = 5 * 60_000;

/** Props: chat, channel, messages, label, `empty` view, `older` loads more, `hasOlder`; `newer`, `hasNewer` and `newest` the same for the other end; `inThread`. Keyed by channel. */
export function MessageList({ chat, channel, messages, label, empty, older, hasOlder, newer, hasNewer = false, newest, inThread = false }) {
  const scroller = useRef(null);
  const list = useRef(null);
  const [, redraw] = useState(0);
  const [loading, setLoading] = useState(false);
  const [focusId, setFocusId] = useState("");
  const at = useRef({ pinned: true, top: 0, firstId: "", lastId: "", isNew: false, anchor: null }).current;

  const latest = useRef({}).current;
  latest.messages = messages;
  latest.askAgain ??= () => chat.askAgain(channel, latest.messages.findLast((message) => message.ai_generated && message.type === "regular"), latest.messages);
  const wanted = inThread || !chat.store.revealId ? -1 : messages.findIndex((message) => message.id === chat.store.revealId);
  if (wanted >= 0) {
    at.pinned = false;
    at.firstId = messages[Math.max(0, wanted - STEP / 2)].id;
  }
  const found = at.firstId ? messages.findIndex((message) => message.id === at.firstId) : -1;
  const start = at.pinned || found < 0 ? Math.max(0, messages.length - WINDOW) : found;
  const shown = messages.slice(start, start + WINDOW);
  const atEnd = start + shown.length >= messages.length && !hasNewer;
  // Where the reader is before anything is drawn, so that what comes above does not move it.
  at.anchor = at.pinned ? null : anchorOf(scroller.current, list.current);
  at.firstId = shown[0]?.id ?? "";

  const move = (by) => {
    const next = messages[Math.max(0, Math.min(start + by, messages.length - WINDOW))];
    if (!next || next.id === at.firstId) return;
    at.firstId = next.id;
    redraw((n) => n + 1);
  };
  const toBottom = async (smooth) => {
    if (hasNewer) await newest();
    at.pinned = true;
    at.isNew = false;
    redraw((n) => n + 1);
    const { current } = scroller;
    requestAnimationFrame(() => current?.scrollTo({ top: current.scrollHeight, behavior: smooth && !calm() ? "smooth" : "instant" }));
  };
  const stay = () => at.pinned && scroller.current?.scrollTo({ top: scroller.current.scrollHeight, behavior: "instant" });

  useLayoutEffect(() => {
    if (wanted < 0) return;
    chat.store.revealId = "";
    at.anchor = null;
    const row = list.current.querySelector(`[data-id="${CSS.escape(messages[wanted].id)}"]`);
    row.scrollIntoView({ block: "center" });
    row.focus();
  });
  useLayoutEffect(() => {
    const newest = messages.at(-1);
    const arrived = newest && newest.id !== at.lastId;
    if (arrived && newest.local && newest.user?.id === chat.store.me?.id && !at.pinned) toBottom();
    else if (arrived && at.lastId && !at.pinned && !at.isNew) {
      at.isNew = true;
      redraw((n) => n + 1);
    }
    at.lastId = newest?.id ?? "";
    if (at.pinned) stay();
    else if (at.anchor) restore(scroller.current, list.current, at.anchor);
    // Somebody who is at an edge already causes no further scrolling.
    const { scrollTop, scrollHeight, clientHeight } = scroller.current;
    if (!at.pinned && start > 0 && scrollTop <= 1) move(-STEP);
    else if (!at.pinned && start + shown.length < messages.length && scrollHeight - scrollTop - clientHeight <= 1) move(STEP);
  });
  useEffect(() => {
    // A picture or a wrapped line may make the list grow after it was drawn.
    const observer = new ResizeObserver(stay);
    observer.observe(list.current);
    observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);

  const scrolled = async () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current;
    const below = scrollHeight - scrollTop - clientHeight;
    // Only a reader who scrolls up leaves the end; a picture that loads below them does not.
    const wentUp = scrollTop < at.top - 1;
    at.top = scrollTop;
    at.pinned = atEnd && (below < NEAR_PX || (at.pinned && !wentUp));
    if (at.pinned && at.isNew) toBottom();
    if (!inThread) chat.readMarker.sees(at.pinned);
    if (start + shown.length < messages.length && below < EDGE_PX) move(STEP);
    else if (hasNewer && below < EDGE_PX && !at.fetching) {
      at.fetching = true;
      await newer();
      at.fetching = false;
    }
    if (scrollTop > EDGE_PX) return;
    if (start > 0 && !at.pinned) move(-STEP);
    else if (start === 0 && hasOlder && !loading && scrollTop < 120) {
      setLoading(true);
      await older();
      setLoading(false);
    }
  };
  const pressed = (event) => {
    const from = event.target;
    if (!from.classList.contains("message")) return;
    const rows = [...list.current.querySelectorAll(".message")];
    const index = rows.indexOf(from);
    const to = rows[{ ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: rows.length - 1 }[event.key]];
    if (!to) return;
    event.preventDefault();
    to.focus();
    to.scrollIntoView({ block: "nearest" });
  };
  const folded = new Set(messages.map((message) => message.asks_again).filter(Boolean));
  const answer = messages.findLast((message) => message.ai_generated && message.type === "regular");
  const seen = inThread ? { id: "" } : seenBy(chat.store, channel, messages);
  const stop = shown.some((message) => message.id === focusId) ? focusId : shown.at(-1)?.id;
  const editing = chat.store.editing;
  return html`<div class="list-place">
    <div class="scroller" ref=${scroller} onScroll=${scrolled}>
      <div class="list-top">${loading && t("Loading older messages…")}</div>
      <div class="list-empty">${messages.length === 0 && empty}</div>
      <ol class="message-list" aria-label=${label} ref=${list} onKeyDown=${pressed} onFocusIn=${(event) => setFocusId(event.target.closest(".message")?.dataset.id ?? "")}>
        ${shown.flatMap((message, index) => {
          const above = messages[start + index - 1];
          const below = messages[start + index + 1];
          return [...dividers(chat.store, channel, message, above),
            html`<${Message} key=${message.id} chat=${chat} channel=${channel} message=${message} user=${chat.store.userOf(message.user)}
              grouped=${isGrouped(message, above)} groupEnd=${!below || !isGrouped(below, message)} last=${!below} inThread=${inThread}
              seenBy=${message.id === seen.id ? seen.names : ""} generating=${channel.isGenerating(message)} tabStop=${message.id === stop} editing=${editing === message.id} folded=${folded.has(message.id)}
              askAgain=${message === answer && below === undefined && canAskAgain(chat.store, messages) ? latest.askAgain : undefined} />`];
        })}
      </ol>
    </div>
    <button class="jump" type="button" hidden=${!at.isNew && atEnd} onClick=${() => toBottom(true)}><${Icon} name="down" /><span>${at.isNew ? t("New messages") : t("To the newest")}</span></button>
  </div>`;
}

/** Whether the newest message is an answer to a question of this person's. */
function canAskAgain(store, messages) {
  const answer = messages.at(-1);
  return !answer?.generating && messages.some((message) => message.user?.id === store.me?.id && message.type === "regular" && message.text);
}

/** The first message that is on the screen, and how far from its top edge. */
function anchorOf(scroller, list) {
  if (!scroller || !list) return null;
  const edge = scroller.getBoundingClientRect().top;
  const row = [...list.children].find((child) => child.dataset.id && child.getBoundingClientRect().bottom > edge);
  return row ? { id: row.dataset.id, offset: row.getBoundingClientRect().top } : null;
}

function restore(scroller, list, { id, offset }) {
  const row = list.querySelector(`[data-id="${CSS.escape(id)}"]`);
  const moved = row ? row.getBoundingClientRect().top - offset : 0;
  if (Math.abs(moved) > 1) scroller.scrollTop += moved;
}

function dividers(store, channel, message, above) {
  const day = dayName(message.created_at);
  const since = millis(channel.unreadSince);
  const isFirstUnread = above && since > 0 && millis(message.created_at) > since && millis(above.created_at) <= since && message.user?.id !== store.me?.id;
  return [
    (!above || dayName(above.created_at) !== day) && html`<li class="divider" key=${`day ${day}`}><span>${day}</span></li>`,
    isFirstUnread && html`<li class="divider divider-new" key="new"><span>${t("New")}</span></li>`,
  ];
}

/** Who has read the newest own message, which it is said under. */
function seenBy(store, channel, messages) {
  const own = messages.findLast((message) => message.user?.id === store.me?.id && !message.local);
  if (!own) return { id: "" };
  const readers = [...channel.read].filter(([id, time]) => id !== store.me?.id && millis(time) >= millis(own.created_at));
  const names = readers.slice(0, 3).map(([id]) => displayName(store.userOf({ id }))).join(", ");
  return { id: own.id, names: names && t("Seen by {names}", { names }) };
}

function isGrouped(message, above) {
  if (!above || above.type === "system" || message.type === "system") return false;
  if (above.user?.id !== message.user?.id || dayName(above.created_at) !== dayName(message.created_at)) return false;
  return millis(message.created_at) - millis(above.created_at) < GROUP_MS;
}
