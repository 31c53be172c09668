/**
 * One channel as this page knows it: its people, messages, threads, and what goes on in it now.
 */
import { millis } from "./clock.js";
import { displayName } from "./people.js";

/** After this long without a sign of life an unfinished answer counts as interrupted. */
const GENERATING_FOR_MS = 90_000;
/** A bot that has not stopped by then may be asked again. */
const STOPPING_FOR_MS = 8_000;

/** @typedef {Record<string, any> & {id: string, created_at: string}} Message */
/** @typedef {{user: any, state: string, messageId: string|null, at: number}} Activity */
/** @typedef {{replies: Message[], loaded: boolean, hasOlder: boolean}} Thread */

export class Channel {
  /** @param {string} cid "type:id" */
  constructor(cid) {
    this.cid = cid;
    this.id = cid.slice(cid.indexOf(":") + 1);
    /** @type {Record<string, any>} */
    this.data = {};
    /** @type {Map<string, any>} members by user id */
    this.members = new Map();
    /** @type {Map<string, string>} the time up to which each user has read */
    this.read = new Map();
    /** @type {Message[]} oldest first */
    this.messages = [];
    /** @type {Map<string, Thread>} by the parent's message id */
    this.threads = new Map();
    /** @type {Map<string, {user: any, parentId: string|null, at: number}>} */
    this.typing = new Map();
    /** @type {Map<string, Activity>} what bots say they do, by user id */
    this.activity = new Map();
    this.unread = 0;
    this.unreadSince = "";
    this.hasOlder = true;
    this.loaded = false;
    /** When a stop was asked for and not yet obeyed, in milliseconds since the epoch; 0 for never. */
    this.stopAskedAt = 0;
  }

  get title() {
    if (this.data.name) return String(this.data.name);
    const words = this.id.replace(/^!members-.*/, "Direct conversation").replace(/[-_]+/g, " ");
    return words.charAt(0).toUpperCase() + words.slice(1);
  }

  get lastMessage() {
    return this.messages.findLast((message) => message.type !== "ephemeral") ?? null;
  }

  get lastActive() {
    const spoken = Math.max(millis(this.lastMessage?.created_at), millis(this.data.last_message_at));
    return spoken || millis(this.data.created_at);
  }

  /** @param {string} capability @returns {boolean} also where the server lists none */
  may(capability) {
    const list = this.data.own_capabilities;
    return !Array.isArray(list) || list.includes(capability);
  }

  /** @param {string} id @returns {Message|undefined} in the channel or in a thread */
  find(id) {
    return this.messages.find((message) => message.id === id) ?? this.#inThreads(id);
  }

  /** @param {string} id */
  #inThreads(id) {
    for (const { replies } of this.threads.values()) {
      const reply = replies.find((message) => message.id === id);
      if (reply) return reply;
    }
    return undefined;
  }

  /** @param {string} parentId @returns {Thread} */
  thread(parentId) {
    let thread = this.threads.get(parentId);
    if (!thread) {
      thread = { replies: [], loaded: false, hasOlder: false };
      this.threads.set(parentId, thread);
    }
    return thread;
  }

  /**
   * Store a message or its newer version. What only this browser knows (own reactions) is kept when
   * the newer version does not say it.
   *
   * @param {Message} message
   */
  put(message) {
    const known = this.find(message.id);
    const own = message.own_reactions?.length ? message.own_reactions : known?.own_reactions;
    const merged = { ...message, own_reactions: own ?? [] };
    if (message.parent_id) insert(this.thread(message.parent_id).replies, merged);
    if (!message.parent_id || message.show_in_channel) insert(this.messages, merged);
  }

  /** @param {string} id */
  remove(id) {
    this.messages = this.messages.filter((message) => message.id !== id);
    for (const thread of this.threads.values()) {
      thread.replies = thread.replies.filter((message) => message.id !== id);
    }
  }

  /**
   * @param {Message} message
   * @returns {boolean} whether its text is growing right now
   */
  isGenerating(message) {
    if (message.generating !== true || message.type === "deleted") return false;
    return Date.now() - Math.max(millis(message.updated_at), message.seenAt ?? 0) < GENERATING_FOR_MS;
  }

  /**
   * What a bot does now, in the channel or in one thread of it.
   *
   * @param {string|null} parentId
   * @returns {Activity|null}
   */
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

  /** @param {string} me @returns {string} names of the other members, a few */
  othersNamed(me) {
    const names = [...this.members.values()].filter((m) => m.user_id !== me).map((m) => displayName(m.user));
    return names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
  }
}

/** @param {Message[]} list oldest first @param {Message} message */
function insert(list, message) {
  const at = list.findIndex((other) => other.id === message.id);
  if (at >= 0) {
    list[at] = message;
    return;
  }
  const time = millis(message.created_at);
  let index = list.length;
  while (index > 0 && millis(list[index - 1].created_at) > time) index -= 1;
  list.splice(index, 0, message);
}
