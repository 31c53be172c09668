/** Everything the page shows, and who wants to know when it changes. */
import { Channel } from "./channel.js";

const WIRE_LENGTH = 300;

export class Store {
  constructor() {
    this.me = null;
    this.channels = new Map();
    this.users = new Map();
    this.connection = { phase: "closed" };
    this.activeCid = "";
    /** A channel that the address names and that does not exist, or is not open to this person. */
    this.offeredCid = "";
    this.threadId = "";
    this.panel = "";
    /** The source that is open in the panel: {messageId, source}. */
    this.source = null;
    this.listState = "loading";
    /** What stands in place of a conversation: "", "start" or "queue". */
    this.view = "";
    /** The bots of this server, as bots.js describes them. */
    this.bots = [];
    /** What waits for the team, where this person is of one: {channels, cards}. */
    this.queue = null;
    /** The message that is being changed. */
    this.editing = "";
    /** Unsent texts, by "cid/parent id". */
    this.drafts = new Map();
    /** The channels in which the box writes a note to the team: a note that was begun must not become a reply. */
    this.noting = new Set();
    /** The message that the list is to go to. */
    this.revealId = "";
    /** The message that is quoted in a box, by "cid/parent id". */
    this.quotes = new Map();
    this.hasMoreChannels = false;
    this.openErrors = {};
    this.wire = [];
    this.listeners = new Map();
  }

  on(topics, listener) {
    for (const topic of [topics].flat()) {
      if (!this.listeners.has(topic)) this.listeners.set(topic, new Set());
      this.listeners.get(topic).add(listener);
    }
    return () => [topics].flat().forEach((topic) => this.listeners.get(topic).delete(listener));
  }

  emit(topic, payload) {
    for (const listener of this.listeners.get(topic) ?? []) listener(payload);
  }

  get active() {
    return this.channels.get(this.activeCid) ?? null;
  }

  get sortedChannels() {
    return [...this.channels.values()].sort((a, b) => b.lastActive - a.lastActive);
  }

  get unreadTotal() {
    return [...this.channels.values()].reduce((sum, channel) => sum + channel.unread, 0);
  }

  putUser(user) {
    if (user?.id) this.users.set(user.id, { ...this.users.get(user.id), ...user });
  }

  /** What was last heard of others is no longer known without a connection. */
  isOnline(id) {
    return this.connection.phase === "online" && this.users.get(id)?.online === true;
  }

  isBot(id) {
    return this.bots.some((bot) => bot.user_id === id);
  }

  userOf(user) {
    return this.users.get(user?.id) ?? user;
  }

  putChannel(state) {
    const channel = this.channels.get(state.channel.cid) ?? new Channel(state.channel.cid);
    this.channels.set(channel.cid, channel);
    channel.data = { ...state.channel };
    channel.members = new Map((state.members ?? []).map((m) => [m.user_id ?? m.user?.id, m]));
    for (const member of channel.members.values()) this.putUser(member.user);
    this.#putRead(channel, state.read ?? []);
    this.#putMessages(channel, state.messages ?? []);
    channel.pinned = state.pinned_messages ?? [];
    channel.loaded = true;
    return channel;
  }

  #putRead(channel, reads) {
    for (const read of reads) {
      channel.read.set(read.user?.id, read.last_read);
      if (read.user?.id !== this.me?.id) continue;
      channel.unread = read.unread_messages ?? 0;
      channel.unreadSince = channel.unread > 0 ? read.last_read : "";
    }
  }

  /** A fresh page of messages either joins what is here or, when too much happened in between to join, replaces it; messages not yet sent are kept. */
  #putMessages(channel, fresh) {
    const known = new Set(channel.messages.map((message) => message.id));
    const joins = fresh.some((message) => known.has(message.id)) || known.size === 0;
    if (!joins || channel.hasNewer) {
      channel.hasNewer = false;
      channel.messages = channel.messages.filter((message) => message.local);
      channel.hasOlder = true;
    }
    for (const message of fresh) channel.put(message);
    if (fresh.length < 30 && known.size === 0) channel.hasOlder = false;
  }

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
