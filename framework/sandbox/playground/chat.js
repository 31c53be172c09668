/**
 * What a person can do here: open, write, edit, react, reply, stop. The views call nothing else.
 */
import { Api, ApiError } from "./api.js";
import { Connection } from "./connection.js";
import { messageId, shortId } from "./ids.js";
import { applyEvent } from "./reducer.js";
import { SignInError } from "./session.js";
import { ReadMarker } from "./read-marker.js";

const PAGE = 30;
const REPLIES_PAGE = 50;
const COUNT_AFTER_MS = 400;

/** @typedef {import("./channel.js").Channel} Channel */
/** @typedef {import("./channel.js").Message} Message */
/** @typedef {{text: string, attachments?: object[], parentId?: string|null, showInChannel?: boolean}} Draft */

export class Chat {
  /**
   * @param {import("./session.js").Session} session
   * @param {import("./store.js").Store} store
   * @param {string} wantedCid channel of the link that was followed, or ""
   */
  constructor(session, store, wantedCid) {
    this.store = store;
    this.wantedCid = wantedCid;
    store.me = session.person;
    this.connection = new Connection(session, {
      onState: (state) => this.#stateChanged(state),
      onEvent: (event) => this.#received(event),
      onOpen: (hello) => this.#opened(hello),
    });
    this.api = new Api(session, () => this.connection.id, (call) => this.#called(call));
    this.readMarker = new ReadMarker(this.api, store);
    /** @type {Set<any[]>} events that arrive while a state is on its way */
    this.recordings = new Set();
    /** @type {Map<string, Promise<void>>} channels that are being fetched */
    this.fetching = new Map();
    store.on("reply", ({ channel, parentId }) => this.#countReplies(channel, parentId));
  }

  start() {
    this.connection.open();
  }

  stop() {
    this.connection.close();
  }

  // ---- channels

  /** Load the list again, as long as it was, and watch what is on it. */
  async loadChannels() {
    const { store } = this;
    const known = store.channels.size;
    const found = new Set();
    let complete = false;
    do {
      const page = await this.#loadPage(found.size);
      if (!page) return;
      for (const channel of page) found.add(channel.cid);
      complete = page.length < PAGE;
    } while (!complete && found.size < known);
    for (const cid of store.channels.keys()) {
      if (complete && !found.has(cid)) store.channels.delete(cid);
    }
    store.emit("channels");
    store.emit("channel", store.activeCid);
  }

  /** Load the next part of the list. */
  async loadMoreChannels() {
    await this.#loadPage(this.store.channels.size);
    this.store.emit("channels");
  }

  /** @param {number} offset @returns {Promise<Channel[]|null>} null after a failure */
  async #loadPage(offset) {
    const { store } = this;
    try {
      const request = {
        filter_conditions: { members: { $in: [store.me?.id] } },
        sort: [{ field: "last_message_at", direction: -1 }],
        limit: PAGE,
        offset,
        message_limit: PAGE,
        member_limit: 30,
        state: true,
        watch: true,
        presence: true,
      };
      const channels = await this.#putFresh(async () => (await this.api.queryChannels(request)).channels);
      store.hasMoreChannels = channels.length === PAGE;
      store.listState = "ready";
      return channels;
    } catch (error) {
      store.listState = "failed";
      store.emit("channels");
      this.#complain(error, "The conversations could not be loaded");
      return null;
    }
  }

  /** @param {string} cid */
  async openChannel(cid) {
    const { store } = this;
    if (store.activeCid !== cid) this.#leave();
    store.activeCid = cid;
    delete store.openErrors[cid];
    store.emit("opened", cid);
    if (cid && !store.active?.loaded) await this.#fetchChannel(cid, { members: [store.me?.id] });
    this.readMarker.check();
  }

  #leave() {
    const channel = this.store.active;
    if (channel) channel.unreadSince = "";
    this.closePanel("thread");
  }

  closeChannel() {
    this.#leave();
    this.store.activeCid = "";
    this.store.emit("opened", "");
  }

  /** @returns {Promise<void>} a new conversation with the bot, opened */
  async startConversation() {
    await this.openChannel(`messaging:support-${shortId(6)}`);
  }

  /**
   * Store states that are asked for now. An answer may be older than the events that overtake it on the
   * WebSocket, so these are applied again after it.
   *
   * @param {() => Promise<any[]>} ask
   * @returns {Promise<Channel[]>}
   */
  async #putFresh(ask) {
    /** @type {any[]} */
    const events = [];
    this.recordings.add(events);
    try {
      const states = await ask();
      const channels = states.map((state) => this.store.putChannel(state));
      for (const event of events) applyEvent(this.store, event);
      return channels;
    } finally {
      this.recordings.delete(events);
    }
  }

  /** @param {string} cid @param {object} [data] of a channel that may have to be made */
  #fetchChannel(cid, data) {
    const fetching = this.fetching.get(cid) ?? this.#fetchNow(cid, data).finally(() => this.fetching.delete(cid));
    this.fetching.set(cid, fetching);
    return fetching;
  }

  /** @param {string} cid @param {object} [data] */
  async #fetchNow(cid, data) {
    const { store } = this;
    if (!this.connection.id) return; // fetched as soon as the connection is open
    try {
      const request = { state: true, watch: true, presence: true, messages: { limit: PAGE } };
      await this.#putFresh(async () => [await this.api.queryChannel(cid, data ? { ...request, data } : request)]);
      delete store.openErrors[cid];
      store.emit("channels");
    } catch (error) {
      store.openErrors[cid] = sayWhyClosed(error, store.me?.id ?? "");
    }
    store.emit("channel", cid);
  }

  /** @param {Channel} channel */
  async loadOlder(channel) {
    const oldest = channel.messages.find((message) => !message.local);
    if (!channel.hasOlder || !oldest) return;
    const messages = { limit: PAGE, id_lt: oldest.id };
    const answer = await this.#try("Older messages could not be loaded", () =>
      this.api.queryChannel(channel.cid, { state: true, messages }));
    if (!answer) return;
    for (const message of answer.messages) channel.put(message);
    channel.hasOlder = answer.messages.length === PAGE;
    this.store.emit("channel", channel.cid);
  }

  // ---- messages

  /**
   * Show a message at once and send it.
   *
   * @param {Channel} channel @param {Draft} draft
   */
  send(channel, draft) {
    const { me } = this.store;
    if (!me) return;
    const message = {
      id: messageId(me.id),
      text: draft.text,
      attachments: draft.attachments ?? [],
      ...(draft.parentId ? { parent_id: draft.parentId, show_in_channel: draft.showInChannel === true } : {}),
    };
    const shown = { ...message, type: "regular", user: me, created_at: this.#nowIn(channel), local: { state: "sending" } };
    channel.put(shown);
    this.store.emit("sent", channel.cid);
    this.store.emit("channel", channel.cid);
    return this.#deliver(channel, shown, message);
  }

  /** @param {Channel} channel @param {Message} shown a message whose sending failed */
  resend(channel, shown) {
    const { id, text, attachments, parent_id, show_in_channel } = shown;
    channel.put({ ...shown, local: { state: "sending" } });
    this.store.emit("channel", channel.cid);
    const message = { id, text, attachments, ...(parent_id ? { parent_id, show_in_channel } : {}) };
    return this.#deliver(channel, shown, message);
  }

  /** @param {Channel} channel @param {Message} shown @param {object} message */
  async #deliver(channel, shown, message) {
    try {
      const answer = await this.api.sendMessage(channel.cid, message);
      const failed = answer.message.type === "error";
      const local = failed ? { state: "failed", error: answer.message.text } : undefined;
      // An update may have overtaken this answer; what came over the wire is at least as new.
      const known = channel.find(shown.id);
      if (!known || known.local) channel.put(local ? { ...shown, local } : answer.message);
    } catch (error) {
      this.#deliveryFailed(channel, shown, error);
    }
    this.store.emit("channel", channel.cid);
  }

  /** @param {Channel} channel @param {Message} shown @param {unknown} error */
  #deliveryFailed(channel, shown, error) {
    const known = channel.find(shown.id);
    if (known && !known.local) return; // its event came: only the answer was lost
    if (!(error instanceof ApiError)) throw error;
    if (error.duplicate) {
      channel.put({ ...shown, local: undefined });
      return;
    }
    const state = error.status === 0 ? "waiting" : "failed";
    channel.put({ ...shown, local: { state, error: error.message } });
    if (state === "waiting" && this.connection.id) setTimeout(() => this.#sendWaiting(), 2_000);
  }

  #sendWaiting() {
    for (const channel of this.store.channels.values()) {
      const replies = [...channel.threads.values()].flatMap((thread) => thread.replies);
      const waiting = new Map([...channel.messages, ...replies].map((message) => [message.id, message]));
      for (const message of waiting.values()) {
        if (message.local?.state === "waiting") this.resend(channel, message);
      }
    }
  }

  /** A time that sorts after everything here, also when the clocks differ. @param {Channel} channel */
  #nowIn(channel) {
    const last = Date.parse(channel.messages.at(-1)?.created_at ?? "") || 0;
    return new Date(Math.max(Date.now(), last + 1)).toISOString();
  }

  /** @param {Channel} channel @param {Message} message @param {string} text */
  async edit(channel, message, text) {
    const answer = await this.#try("The change was not saved", () => this.api.editMessage(message.id, text));
    if (answer) this.#put(channel, answer.message);
    return Boolean(answer);
  }

  /** @param {Channel} channel @param {Message} message */
  async remove(channel, message) {
    if (message.local) {
      channel.remove(message.id);
      this.store.emit("channel", channel.cid);
      return;
    }
    const answer = await this.#try("The message was not deleted", () => this.api.deleteMessage(message.id));
    if (answer) this.#put(channel, { ...message, ...answer.message, type: "deleted" });
  }

  /** @param {Channel} channel @param {Message} message @param {string} type */
  async toggleReaction(channel, message, type) {
    const has = (message.own_reactions ?? []).some((/** @type {any} */ reaction) => reaction.type === type);
    await this.#try("The reaction was not saved", () =>
      has ? this.api.unreact(message.id, type) : this.api.react(message.id, type));
  }

  /** @param {Channel} channel @param {Message} message */
  #put(channel, message) {
    channel.put(message);
    this.store.emit("channel", channel.cid);
  }

  // ---- the bot

  /** Ask the bot to stop writing. @param {Channel} channel @param {string|null} id of its message */
  async stopGenerating(channel, id) {
    channel.stopAskedAt = Date.now();
    this.store.emit("channel", channel.cid);
    const event = id ? { type: "ai_indicator.stop", message_id: id } : { type: "ai_indicator.stop" };
    const answer = await this.#try("The bot could not be asked to stop", () => this.api.sendEvent(channel.cid, event));
    if (answer) return;
    channel.stopAskedAt = 0;
    this.store.emit("channel", channel.cid);
  }

  /** @param {Channel} channel @param {boolean} typing @param {string|null} parentId */
  sendTyping(channel, typing, parentId) {
    if (!channel.may("typing-events") || !this.connection.id) return;
    const event = { type: typing ? "typing.start" : "typing.stop", ...(parentId ? { parent_id: parentId } : {}) };
    // Nobody misses a typing sign that was lost, so its failure is only in the wire log.
    this.api.sendEvent(channel.cid, event).catch(() => {});
  }

  // ---- threads and the side panel

  /** @param {Channel} channel @param {string} parentId */
  async openThread(channel, parentId) {
    this.store.threadId = parentId;
    this.store.panel = "thread";
    this.store.emit("panel");
    await this.loadReplies(channel, parentId);
  }

  /** @param {Channel} channel @param {string} parentId @param {boolean} [older] */
  async loadReplies(channel, parentId, older = false) {
    const thread = channel.thread(parentId);
    /** @type {Record<string, string>} */
    const query = { limit: String(REPLIES_PAGE) };
    if (older && thread.replies[0]) query.id_lt = thread.replies[0].id;
    const answer = await this.#try("The replies could not be loaded", () => this.api.replies(parentId, query));
    if (!answer) return;
    for (const reply of answer.messages) channel.put(reply);
    thread.hasOlder = answer.messages.length === REPLIES_PAGE;
    thread.loaded = true;
    this.store.emit("channel", channel.cid);
  }

  /** @param {""|"thread"|"wire"} which */
  closePanel(which) {
    if (this.store.panel !== which) return;
    this.store.panel = "";
    this.store.threadId = "";
    this.store.emit("panel");
  }

  toggleWire() {
    this.store.panel = this.store.panel === "wire" ? "" : "wire";
    this.store.threadId = "";
    this.store.emit("panel");
  }

  /**
   * The parent's count of replies comes with an update of its own on some servers; ask where it did not.
   *
   * @param {Channel} channel @param {string} parentId
   */
  #countReplies(channel, parentId) {
    const before = channel.find(parentId);
    if (!before) return;
    setTimeout(async () => {
      const now = channel.find(parentId);
      if (!now || now.reply_count !== before.reply_count) return;
      const answer = await this.#try("The replies could not be counted", () => this.api.getMessage(parentId));
      if (answer) this.#put(channel, { ...now, reply_count: answer.message.reply_count });
    }, COUNT_AFTER_MS);
  }

  // ---- the wire

  /** @param {any} hello */
  async #opened(hello) {
    this.store.putUser({ ...hello.me, online: true });
    this.store.me = { ...this.store.me, id: hello.me.id, name: hello.me.name };
    this.store.emit("people");
    await this.loadChannels();
    const { store } = this;
    const wanted = this.wantedCid || (store.active ? "" : store.activeCid);
    this.wantedCid = "";
    if (wanted) await this.openChannel(wanted);
    if (store.active && store.threadId) await this.loadReplies(store.active, store.threadId);
    this.#sendWaiting();
    this.readMarker.check();
  }

  /** @param {any} event */
  #received(event) {
    const about = event.message?.id ?? event.message_id ?? (event.cid === "*" ? "" : event.cid ?? "");
    this.store.log({ way: "in", type: event.type, about, failed: event.type === "connection.error", payload: event });
    const { active } = this.store;
    const since = active?.unreadSince ?? "";
    for (const recording of this.recordings) recording.push(event);
    if (!applyEvent(this.store, event)) this.#fetchChannel(event.cid ?? event.channel.cid);
    // What arrives before the reader's eyes is not marked as new.
    if (active && this.readMarker.isWatching) active.unreadSince = since;
    this.readMarker.check();
  }

  /** @param {import("./api.js").Call} call */
  #called(call) {
    const failed = call.status === 0 || call.status >= 400;
    const about = `${call.status || "no answer"} in ${call.ms} ms`;
    this.store.log({ way: "out", type: `${call.method} ${call.path}`, about, failed, payload: call });
  }

  /** @param {import("./connection.js").ConnectionState} state */
  #stateChanged(state) {
    this.store.connection = state;
    if (state.phase !== "online") {
      for (const channel of this.store.channels.values()) channel.typing.clear();
    }
    this.store.emit("connection");
  }

  /**
   * @template T
   * @param {string} what went wrong, for people
   * @param {() => Promise<T>} work
   * @returns {Promise<T|null>} null after a failure that has been shown
   */
  async #try(what, work) {
    try {
      return await work();
    } catch (error) {
      this.#complain(error, what);
      return null;
    }
  }

  /** @param {unknown} error @param {string} what */
  #complain(error, what) {
    if (!(error instanceof ApiError || error instanceof SignInError)) throw error;
    this.store.emit("problem", `${what}. ${error.message}`);
  }
}

/** @param {unknown} error @param {string} me @returns {string} */
function sayWhyClosed(error, me) {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof ApiError) || error.status !== 403) return error.message;
  return `${me} is not a member of this conversation. A member can add you, or you can start your own.`;
}
