/**
 * Everything the page shows, and who wants to know when it changes.
 */
import { Channel } from "./channel.js";

const WIRE_LENGTH = 300;

/**
 * @typedef {object} WireEntry one line of the developer drawer
 * @property {number} key
 * @property {"in"|"out"} way
 * @property {string} type event type, or method and path
 * @property {string} about
 * @property {number} at milliseconds since the epoch
 * @property {number} count how many alike came in a row
 * @property {boolean} failed
 * @property {unknown} payload
 */

export class Store {
  constructor() {
    /** @type {import("./session.js").Person|null} */
    this.me = null;
    /** @type {Map<string, Channel>} */
    this.channels = new Map();
    /** @type {Map<string, any>} users by id, with what is known of their presence */
    this.users = new Map();
    /** @type {import("./connection.js").ConnectionState} */
    this.connection = { phase: "closed" };
    this.activeCid = "";
    /** A channel that the address names and that does not exist, or is not open to this person. */
    this.offeredCid = "";
    this.threadId = "";
    /** @type {""|"thread"|"wire"} */
    this.panel = "";
    this.listState = "loading";
    this.hasMoreChannels = false;
    /** @type {Record<string, string>} what went wrong with opening a channel, by cid */
    this.openErrors = {};
    /** @type {WireEntry[]} newest last */
    this.wire = [];
    /** @type {Map<string, Set<(payload: any) => void>>} */
    this.listeners = new Map();
  }

  /**
   * @param {string|string[]} topics
   * @param {(payload: any) => void} listener
   */
  on(topics, listener) {
    for (const topic of [topics].flat()) {
      if (!this.listeners.has(topic)) this.listeners.set(topic, new Set());
      this.listeners.get(topic)?.add(listener);
    }
  }

  /** @param {string} topic @param {unknown} [payload] */
  emit(topic, payload) {
    for (const listener of this.listeners.get(topic) ?? []) listener(payload);
  }

  /** @returns {Channel|null} */
  get active() {
    return this.channels.get(this.activeCid) ?? null;
  }

  /** @returns {Channel[]} the last active first */
  get sortedChannels() {
    return [...this.channels.values()].sort((a, b) => b.lastActive - a.lastActive);
  }

  get unreadTotal() {
    return [...this.channels.values()].reduce((sum, channel) => sum + channel.unread, 0);
  }

  /** @param {any} user */
  putUser(user) {
    if (user?.id) this.users.set(user.id, { ...this.users.get(user.id), ...user });
  }

  /** What was last heard of others is no longer known without a connection. @param {string} id */
  isOnline(id) {
    return this.connection.phase === "online" && this.users.get(id)?.online === true;
  }

  /** @param {any} user @returns {any} with the newest name we know */
  userOf(user) {
    return this.users.get(user?.id) ?? user;
  }

  /**
   * @param {any} state a channel as the server answers it, with messages, members and read state
   * @returns {Channel}
   */
  putChannel(state) {
    const channel = this.channels.get(state.channel.cid) ?? new Channel(state.channel.cid);
    this.channels.set(channel.cid, channel);
    channel.data = { ...state.channel };
    channel.members = new Map((state.members ?? []).map((/** @type {any} */ m) => [m.user_id ?? m.user?.id, m]));
    for (const member of channel.members.values()) this.putUser(member.user);
    this.#putRead(channel, state.read ?? []);
    this.#putMessages(channel, state.messages ?? []);
    channel.loaded = true;
    return channel;
  }

  /** @param {Channel} channel @param {any[]} reads */
  #putRead(channel, reads) {
    for (const read of reads) {
      channel.read.set(read.user?.id, read.last_read);
      if (read.user?.id !== this.me?.id) continue;
      channel.unread = read.unread_messages ?? 0;
      channel.unreadSince = channel.unread > 0 ? read.last_read : "";
    }
  }

  /**
   * A fresh page of messages either joins what is here or, when too much happened in between to
   * join, replaces it; messages not yet sent are kept.
   *
   * @param {Channel} channel @param {any[]} fresh
   */
  #putMessages(channel, fresh) {
    const known = new Set(channel.messages.map((message) => message.id));
    const joins = fresh.some((message) => known.has(message.id)) || known.size === 0;
    if (!joins) {
      channel.messages = channel.messages.filter((message) => message.local);
      channel.hasOlder = true;
    }
    for (const message of fresh) channel.put(message);
    if (fresh.length < 30 && known.size === 0) channel.hasOlder = false;
  }

  /** @param {Omit<WireEntry, "key"|"at"|"count">} entry */
  log(entry) {
    const last = this.wire.at(-1);
    if (last && last.type === entry.type && last.about === entry.about && last.failed === entry.failed) {
      this.wire[this.wire.length - 1] = { ...last, ...entry, at: Date.now(), count: last.count + 1 };
    } else {
      this.wire.push({ ...entry, key: (last?.key ?? 0) + 1, at: Date.now(), count: 1 });
      if (this.wire.length > WIRE_LENGTH) this.wire.shift();
    }
    this.emit("wire");
  }
}
