/** One channel as this page knows it: its people, messages, threads, and what goes on in it now. */
import { millis } from "./clock.js";
import { listed, t } from "./i18n.js";
import { displayName } from "./people.js";
import { plainText } from "./plain.js";

/** Characters of the first question that stand for a conversation without a name. */
const TITLE = 60;

/** After this long without a sign of life an unfinished answer counts as interrupted. */
const GENERATING_FOR_MS = 90_000;
/** A bot that has not stopped by then may be asked again. */
const STOPPING_FOR_MS = 8_000;

export class Channel {
  constructor(cid) {
    this.cid = cid;
    this.id = cid.slice(cid.indexOf(":") + 1);
    this.data = {};
    this.members = new Map();
    this.read = new Map();
    this.messages = [];
    this.threads = new Map();
    this.typing = new Map();
    this.activity = new Map();
    this.unread = 0;
    this.unreadSince = "";
    this.hasOlder = true;
    /** Whether newer messages than the loaded ones are left out: the reader went to an old place. */
    this.hasNewer = false;
    this.pinned = [];
    this.loaded = false;
    /** When a stop was asked for and not yet obeyed, in milliseconds since the epoch; 0 for never. */
    this.stopAskedAt = 0;
  }

  get title() {
    if (this.data.name) return String(this.data.name);
    const first = this.hasOlder || this.hasNewer ? null : this.messages.find((message) => message.type === "regular" && !message.ai_generated && message.text);
    return (first && plainText(first.text).slice(0, TITLE)) || titleOf(this.cid);
  }

  get lastMessage() {
    return this.messages.findLast((message) => message.type !== "ephemeral") ?? null;
  }

  get lastActive() {
    const spoken = Math.max(millis(this.lastMessage?.created_at), millis(this.data.last_message_at));
    return spoken || millis(this.data.created_at);
  }

  may(capability) {
    const list = this.data.own_capabilities;
    return !Array.isArray(list) || list.includes(capability);
  }

  find(id) {
    return this.messages.find((message) => message.id === id) ?? this.#inThreads(id);
  }

  #inThreads(id) {
    for (const { replies } of this.threads.values()) {
      const reply = replies.find((message) => message.id === id);
      if (reply) return reply;
    }
    return undefined;
  }

  thread(parentId) {
    let thread = this.threads.get(parentId);
    if (!thread) {
      thread = { replies: [], loaded: false, hasOlder: false };
      this.threads.set(parentId, thread);
    }
    return thread;
  }

  /** Show another part of the history; what is not yet sent stays. */
  replaceMessages(messages) {
    this.messages = this.messages.filter((message) => message.local);
    for (const message of messages) this.put(message);
    this.hasOlder = true;
  }

  /** Store a message or its newer version. What only this browser knows (own reactions) is kept when the newer version does not say it. */
  put(message) {
    const known = this.find(message.id);
    const own = message.own_reactions?.length ? message.own_reactions : known?.own_reactions;
    const merged = { ...message, own_reactions: own ?? [] };
    if (message.parent_id) insert(this.thread(message.parent_id).replies, merged);
    if (!message.parent_id || message.show_in_channel) insert(this.messages, merged);
  }

  remove(id) {
    this.messages = this.messages.filter((message) => message.id !== id);
    for (const thread of this.threads.values()) {
      thread.replies = thread.replies.filter((message) => message.id !== id);
    }
  }

  isGenerating(message) {
    if (message.generating !== true || message.type === "deleted") return false;
    return Date.now() - Math.max(millis(message.updated_at), message.seenAt ?? 0) < GENERATING_FOR_MS;
  }

  /** What a bot does now, in the channel or in one thread of it. */
  activityIn(parentId) {
    const place = parentId ? this.thread(parentId).replies : this.messages;
    const growing = place.findLast((message) => this.isGenerating(message));
    for (const activity of this.activity.values()) {
      const about = activity.messageId ? this.find(activity.messageId) : undefined;
      const here = (about?.parent_id ?? null) === parentId || (!about && parentId === null);
      if (here && Date.now() - activity.at < GENERATING_FOR_MS) return activity;
    }
    if (!growing) return null;
    const state = growing.text ? "AI_STATE_GENERATING" : "AI_STATE_THINKING"; // until the bot says it itself
    return { user: growing.user, state, messageId: growing.id, at: Date.now() };
  }

  get isStopping() {
    return Date.now() - this.stopAskedAt < STOPPING_FOR_MS;
  }

  othersNamed(me) {
    const names = [...this.members.values()].filter((m) => m.user_id !== me).map((m) => displayName(m.user));
    return names.length > 3 ? `${names.slice(0, 3).join(", ")} ${t("and {n} more", { n: names.length - 3 })}` : listed(names);
  }
}

/** A channel's address in words, where it has no name. */
export function titleOf(cid) {
  const id = cid.slice(cid.indexOf(":") + 1);
  const words = id.replace(/^!members-.*/, t("Direct conversation")).replace(/[-_]+/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Put a message where its time belongs, the oldest first, or in the place of its older version. */
function insert(list, message) {
  const time = millis(message.created_at);
  const known = list.findIndex((other) => other.id === message.id);
  if (known >= 0) {
    list[known] = message;
    return;
  }
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (millis(list[middle].created_at) > time) to = middle;
    else from = middle + 1;
  }
  list.splice(from, 0, message);
}
