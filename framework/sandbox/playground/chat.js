/**
 * What a person can do here: open, write, edit, react, reply, stop. The views call nothing else.
 */
import { Api, ApiError } from "./api.js";
import { ChannelLoader } from "./channel-loader.js";
import { Connection } from "./connection.js";
import { shortId } from "./ids.js";
import { Outbox } from "./outbox.js";
import { ReadMarker } from "./read-marker.js";
import { applyEvent } from "./reducer.js";

const PAGE = 30;
const REPLIES_PAGE = 50;
const COUNT_AFTER_MS = 400;

/** @typedef {import("./channel.js").Channel} Channel */
/** @typedef {import("./channel.js").Message} Message */
/** @typedef {import("./outbox.js").Draft} Draft */

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
    const isConnected = () => this.connection.id !== null;
    this.loader = new ChannelLoader(this.api, store, isConnected);
    this.outbox = new Outbox(this.api, store, isConnected);
    store.on("reply", ({ channel, parentId }) => this.#countReplies(channel, parentId));
  }

  start() {
    this.connection.open();
  }

  stop() {
    this.connection.close();
  }

  // ---- channels

  /** @param {string} cid */
  async openChannel(cid) {
    const { store } = this;
    if (store.activeCid !== cid) this.#leave();
    store.activeCid = cid;
    store.offeredCid = "";
    delete store.openErrors[cid];
    store.emit("opened", cid);
    if (cid && !store.active?.loaded) await this.loader.fetch(cid, { members: [store.me?.id] });
    this.readMarker.check();
  }

  /**
   * Open the channel that the page's address names. Where there is none yet, it is offered and not made: any page can
   * lead here by a link.
   *
   * @param {string} cid
   */
  async openLinked(cid) {
    const { store } = this;
    if (store.channels.has(cid)) return this.openChannel(cid);
    if (store.activeCid !== cid) this.#leave();
    store.activeCid = cid;
    store.offeredCid = "";
    store.emit("opened", cid);
    const found = await this.#try("The conversation could not be opened", () => this.loader.find(cid));
    if (store.activeCid !== cid || found === null) return;
    if (found) return this.openChannel(cid);
    store.offeredCid = cid;
    store.emit("channel", cid);
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

  /** @returns {Promise<void>} a new conversation with the bot of the open one, opened */
  async startConversation() {
    const like = /^[a-z]+:[a-z]+-/.exec(this.store.activeCid || "");
    await this.openChannel(`${like ? like[0] : "messaging:support-"}${shortId(6)}`);
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

  /** Show a message at once and send it. @param {Channel} channel @param {Draft} draft */
  send(channel, draft) {
    channel.unreadSince = ""; // who answers has read what was new
    return this.outbox.send(channel, draft);
  }

  /**
   * Press a button of a card. A decision of the team is a reaction, which those see alone who see the message; any other
   * is a message beside it, with the button's name and value as fields of its own.
   *
   * @param {Channel} channel @param {Message} message @param {any} action
   */
  async press(channel, message, action) {
    const { name, value, text } = action ?? {};
    if (name === "review") {
      await this.#try("The decision was not sent", () => this.api.react(message.id, String(value)));
      return;
    }
    this.send(channel, { text: String(text || value || name), parentId: message.parent_id ?? null, fields: { action: { name, value } } });
  }

  /** @param {Channel} channel @param {Message} shown a message whose sending failed */
  resend(channel, shown) {
    return this.outbox.resend(channel, shown);
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

  /**
   * Vote, or take the own vote back. @param {Channel} channel @param {Message} message
   * @param {string} optionId @param {string} ownVoteId the own vote on it, or empty
   */
  async vote(channel, message, optionId, ownVoteId) {
    const pollId = message.poll.id;
    const answer = await this.#try("The vote was not counted", () =>
      ownVoteId ? this.api.takeVote(message.id, pollId, ownVoteId) : this.api.castVote(message.id, pollId, optionId));
    const now = channel.find(message.id) ?? message;
    if (answer?.poll) this.#put(channel, { ...now, poll: answer.poll });
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
    await this.loader.reload();
    const { store } = this;
    const wanted = this.wantedCid || (store.active ? "" : store.activeCid);
    this.wantedCid = "";
    if (wanted) await this.openLinked(wanted);
    if (store.active && store.threadId) await this.loadReplies(store.active, store.threadId);
    this.outbox.sendWaiting();
    this.readMarker.check();
  }

  /** @param {any} event */
  #received(event) {
    const about = event.message?.id ?? event.message_id ?? (event.cid === "*" ? "" : event.cid ?? "");
    this.store.log({ way: "in", type: event.type, about, failed: event.type === "connection.error", payload: event });
    const { active } = this.store;
    const since = active?.unreadSince ?? "";
    this.loader.overhear(event);
    if (!applyEvent(this.store, event)) this.loader.fetch(event.cid ?? event.channel.cid);
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
    if (!(error instanceof ApiError)) throw error;
    this.store.emit("problem", `${what}. ${error.message}`);
  }
}
