/** What a person can do here: open, write, edit, react, reply, stop. The views call nothing else. */
import { Api, ApiError } from "./api.js";
import { Bots } from "./bots.js";
import { ChannelLoader } from "./channel-loader.js";
import { Connection } from "./connection.js";
import { t } from "./i18n.js";
import { shortId } from "./ids.js";
import { Notices } from "./notices.js";
import { Outbox } from "./outbox.js";
import { ReadMarker } from "./read-marker.js";
import { applyEvent } from "./reducer.js";
import { Team } from "./team.js";

const PAGE = 30;
const WINDOW = 60;
const OLDER = 100;
const REPLIES_PAGE = 50;
const COUNT_AFTER_MS = 400;
const LOOK_AGAIN_MS = 15_000;

export class Chat {
  constructor(session, store, wantedCid, invite = "") {
    this.invite = invite;
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
    /** Data of the channels that the person opened here, for those that could not be made yet. */
    this.begun = new Map();
    this.bots = new Bots(this.api, store, this);
    this.notices = new Notices(store, this.openByCid);
    this.team = new Team(this.api, store, this);
    store.on("reply", ({ channel, parentId }) => this.#countReplies(channel, parentId));
  }

  start() {
    this.connection.open();
    setInterval(() => this.connection.id && !document.hidden && this.#lookAgain(), LOOK_AGAIN_MS);
  }

  stop() {
    this.connection.close();
  }

  // ---- channels

  /** `data`: of a channel that may have to be made. */
  async openChannel(cid, data) {
    const { store } = this;
    store.view = "";
    this.begun.set(cid, data);
    if (store.activeCid !== cid) this.#leave();
    store.activeCid = cid;
    store.offeredCid = "";
    delete store.openErrors[cid];
    store.emit("opened", cid);
    if (cid && !store.active?.loaded) await this.loader.fetch(cid, data ?? { members: [store.me?.id] });
    this.readMarker.check();
  }

  /** Open the channel that the page's address names. Where there is none yet, it is offered and not made: any page can lead here by a link. */
  async openLinked(cid) {
    const { store } = this;
    if (store.channels.has(cid)) return this.openChannel(cid);
    if (store.activeCid !== cid) this.#leave();
    store.activeCid = cid;
    store.offeredCid = "";
    store.emit("opened", cid);
    const found = await this.attempt("The conversation could not be opened", () => this.loader.find(cid));
    if (store.activeCid !== cid || found === null) return;
    if (found) return this.openChannel(cid);
    store.offeredCid = cid;
    store.emit("channel", cid);
  }

  #leave() {
    const channel = this.store.active;
    if (channel) channel.unreadSince = "";
    this.closePanel("thread");
    this.closePanel("article");
  }

  closeChannel() {
    this.#leave();
    this.store.activeCid = "";
    this.store.view = "";
    this.store.emit("opened", "");
  }

  openByCid = (cid) => this.openChannel(cid);

  /** A new conversation: with the bot, or with one that the person picks. Where no bot is known, one may join later. */
  async startConversation() {
    const { store } = this;
    if (store.bots.length === 0) await this.bots.load();
    const [bot, another] = store.bots;
    if (another) this.show("start");
    else if (bot?.conversations.length) await this.bots.talk(bot);
    else await this.openChannel(`messaging:support-${shortId(6)}`);
  }

  /** Show something else than a conversation: "start" or "queue". */
  show(view) {
    this.closeChannel();
    this.store.view = view;
    this.store.emit("opened", "");
  }

  async loadOlder(channel) {
    const oldest = channel.messages.find((message) => !message.local);
    if (!channel.hasOlder || !oldest) return;
    const messages = { limit: OLDER, id_lt: oldest.id };
    const answer = await this.attempt("Older messages could not be loaded", () =>
      this.api.queryChannel(channel.cid, { state: true, messages }));
    if (!answer) return;
    for (const message of answer.messages) channel.put(message);
    channel.hasOlder = answer.messages.length === OLDER;
    this.store.emit("channel", channel.cid);
  }

  /**
   * Open a channel at a message or a day. `around`: bounds as the API takes them.
   * What is then loaded need not reach to the newest message.
   */
  async openAround(cid, around, message) {
    await this.openChannel(cid);
    const channel = this.store.channels.get(cid);
    if (!channel?.loaded) return;
    if (message?.parent_id && !message.show_in_channel) return this.openThread(channel, message.parent_id);
    if (!message || !channel.find(message.id)) {
      const answer = await this.attempt("Older messages could not be loaded", () => this.api.queryChannel(cid, { state: true, messages: { limit: WINDOW, ...around } }));
      if (!answer?.messages.length) return;
      channel.replaceMessages(answer.messages);
      channel.hasNewer = true;
    }
    const day = channel.messages.find((one) => one.created_at >= (around.created_at_around ?? "")) ?? channel.messages.at(-1);
    this.store.revealId = message?.id ?? day?.id ?? "";
    this.store.emit("channel", cid);
  }

  async loadNewer(channel) {
    const newest = channel.messages.findLast((message) => !message.local);
    const messages = { limit: WINDOW, id_gt: newest?.id };
    const answer = await this.attempt("Newer messages could not be loaded", () => this.api.queryChannel(channel.cid, { state: true, messages }));
    if (!answer) return;
    for (const message of answer.messages) channel.put(message);
    channel.hasNewer = answer.messages.length === WINDOW;
    this.store.emit("channel", channel.cid);
  }

  /** Back from an old place to the newest messages. */
  async loadNewest(channel) {
    if (!channel.hasNewer) return;
    const answer = await this.attempt("Newer messages could not be loaded", () => this.api.queryChannel(channel.cid, { state: true, messages: { limit: PAGE } }));
    if (!answer) return;
    channel.replaceMessages(answer.messages);
    channel.hasNewer = false;
    this.store.emit("channel", channel.cid);
  }

  /** A conversation with one person or bot alone. */
  async openDirect(user) {
    const answer = await this.attempt("The conversation could not be opened", () => this.api.makeDirect([this.store.me.id, user.id]));
    if (answer) await this.openChannel(answer.channel.cid);
  }

  // ---- messages

  /** Show a message at once and send it. */
  send(channel, draft) {
    channel.unreadSince = ""; // who answers has read what was new
    if (channel.hasNewer) return this.loadNewest(channel).then(() => this.outbox.send(channel, draft));
    return this.outbox.send(channel, draft);
  }

  /** Press a button of a card. A decision of the team is a reaction, which those see alone who see the message; any other is a message beside it, with the button's name and value as fields of its own. */
  async press(channel, message, action) {
    const { name, value, text } = action ?? {};
    if (name === "review") {
      await this.attempt("The decision was not sent", () => this.api.react(message.id, String(value)));
      return;
    }
    this.send(channel, { text: String(text || value || name), parentId: message.parent_id ?? null, fields: { action: { name, value } } });
  }

  resend(channel, shown) {
    return this.outbox.resend(channel, shown);
  }

  /** Open the box in which a message is changed; "" closes it. */
  edit(id) {
    this.store.editing = id;
    this.store.emit("channel", this.store.activeCid);
  }

  /** The newest own one, as ArrowUp in an empty box asks for. */
  editLast(messages) {
    const last = messages.findLast((message) => message.user?.id === this.store.me?.id && !message.local && message.type === "regular");
    if (last) this.edit(last.id);
  }

  async saveEdit(channel, message, text) {
    const answer = await this.attempt("The change was not saved", () => this.api.editMessage(message.id, text));
    if (answer) this.#put(channel, answer.message);
    return Boolean(answer);
  }

  async remove(channel, message) {
    if (message.local) {
      channel.remove(message.id);
      this.store.emit("channel", channel.cid);
      return;
    }
    const answer = await this.attempt("The message was not deleted", () => this.api.deleteMessage(message.id));
    if (answer) this.#put(channel, { ...message, ...answer.message, type: "deleted" });
  }

  async toggleReaction(channel, message, type) {
    const has = (message.own_reactions ?? []).some((reaction) => reaction.type === type);
    await this.attempt("The reaction was not saved", () =>
      has ? this.api.unreact(message.id, type) : this.api.react(message.id, type));
  }

  /** Answer a message by quoting it; null for no longer. */
  quote(channel, message, parentId) {
    this.store.quotes.set(`${channel.cid}/${parentId ?? ""}`, message);
    this.store.emit("channel", channel.cid);
    if (message) this.store.emit("focus-composer", Boolean(parentId));
  }

  async togglePin(channel, message) {
    const answer = await this.attempt("The message was not pinned", () => this.api.pin(message.id, !message.pinned));
    if (!answer) return;
    this.#put(channel, { ...message, ...answer.message });
    channel.pinned = [...channel.pinned.filter((one) => one.id !== message.id), ...(answer.message.pinned ? [answer.message] : [])];
  }

  /** Ask once more what an answer was given to; the old answer is folded. */
  askAgain(channel, answer, messages) {
    const question = messages.slice(0, messages.indexOf(answer)).findLast((message) => message.user?.id === this.store.me?.id && message.type !== "deleted");
    if (question) this.send(channel, { text: question.text, attachments: question.attachments, parentId: question.parent_id, fields: { asks_again: answer.id } });
  }

  /** Vote, or take the own vote back. */
  async vote(channel, message, optionId, ownVoteId) {
    const pollId = message.poll.id;
    const answer = await this.attempt("The vote was not counted", () =>
      ownVoteId ? this.api.takeVote(message.id, pollId, ownVoteId) : this.api.castVote(message.id, pollId, optionId));
    const now = channel.find(message.id) ?? message;
    if (answer?.poll) this.#put(channel, { ...now, poll: answer.poll });
  }

  #put(channel, message) {
    channel.put(message);
    this.store.emit("channel", channel.cid);
  }

  // ---- the bot

  /** Ask the bot to stop writing. */
  async stopGenerating(channel, id) {
    channel.stopAskedAt = Date.now();
    this.store.emit("channel", channel.cid);
    const event = id ? { type: "ai_indicator.stop", message_id: id } : { type: "ai_indicator.stop" };
    const answer = await this.attempt("The bot could not be asked to stop", () => this.api.sendEvent(channel.cid, event));
    if (answer) return;
    channel.stopAskedAt = 0;
    this.store.emit("channel", channel.cid);
  }

  sendTyping(channel, typing, parentId) {
    if (!channel.may("typing-events") || !this.connection.id) return;
    const event = { type: typing ? "typing.start" : "typing.stop", ...(parentId ? { parent_id: parentId } : {}) };
    // Nobody misses a typing sign that was lost, so its failure is only in the wire log.
    this.api.sendEvent(channel.cid, event).catch(() => {});
  }

  // ---- threads and the side panel

  async openThread(channel, parentId) {
    this.store.threadId = parentId;
    this.store.panel = "thread";
    this.store.emit("panel");
    await this.loadReplies(channel, parentId);
  }

  async loadReplies(channel, parentId, older = false) {
    const thread = channel.thread(parentId);
    const query = { limit: String(REPLIES_PAGE) };
    if (older && thread.replies[0]) query.id_lt = thread.replies[0].id;
    const answer = await this.attempt("The replies could not be loaded", () => this.api.replies(parentId, query));
    if (!answer) return;
    for (const reply of answer.messages) channel.put(reply);
    thread.hasOlder = answer.messages.length === REPLIES_PAGE;
    thread.loaded = true;
    this.store.emit("channel", channel.cid);
  }

  closePanel(which) {
    if (this.store.panel !== which) return;
    this.store.panel = "";
    this.store.threadId = "";
    this.store.emit("panel");
  }

  /** Show an article that an answer is from, open at its passage. */
  openSource(message, source) {
    this.store.source = { messageId: message.id, source };
    this.store.panel = "article";
    this.store.threadId = "";
    this.store.emit("panel");
  }

  togglePanel(which) {
    this.store.panel = this.store.panel === which ? "" : which;
    this.store.threadId = "";
    this.store.emit("panel");
  }

  /** The parent's count of replies comes with an update of its own on some servers; ask where it did not. */
  #countReplies(channel, parentId) {
    const before = channel.find(parentId);
    if (!before) return;
    setTimeout(async () => {
      const now = channel.find(parentId);
      if (!now || now.reply_count !== before.reply_count) return;
      const answer = await this.attempt("The replies could not be counted", () => this.api.getMessage(parentId));
      if (answer) this.#put(channel, { ...now, reply_count: answer.message.reply_count });
    }, COUNT_AFTER_MS);
  }

  /** Bots come and go with their processes, and the team's queue changes in channels that nobody here watches. */
  async #lookAgain() {
    await this.bots.load();
    await this.team.load();
  }

  // ---- the wire

  async #opened(hello) {
    this.store.putUser({ ...hello.me, online: true });
    this.store.me = { ...this.store.me, id: hello.me.id, name: hello.me.name };
    this.store.emit("people");
    const looking = this.#lookAgain();
    await this.loader.reload();
    const { store } = this;
    if (this.invite) await looking.then(() => this.bots.join(this.wantedCid, this.invite));
    this.invite = "";
    const wanted = this.wantedCid || (store.active ? "" : store.activeCid);
    this.wantedCid = "";
    if (wanted) await (this.begun.has(wanted) ? this.openChannel(wanted, this.begun.get(wanted)) : this.openLinked(wanted));
    if (store.active && store.threadId) await this.loadReplies(store.active, store.threadId);
    this.outbox.sendWaiting();
    this.readMarker.check();
  }

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

  #called(call) {
    const failed = call.status === 0 || call.status >= 400;
    const about = `${call.status || "no answer"} in ${call.ms} ms`;
    this.store.log({ way: "out", type: `${call.method} ${call.path}`, about, failed, payload: call });
  }

  #stateChanged(state) {
    this.store.connection = state;
    if (state.phase !== "online") {
      for (const channel of this.store.channels.values()) channel.typing.clear();
    }
    this.store.emit("connection");
  }

  /** Do something that may fail; null after a failure that has been shown. */
  async attempt(what, work) {
    try {
      return await work();
    } catch (error) {
      this.#complain(error, what);
      return null;
    }
  }

  #complain(error, what) {
    if (!(error instanceof ApiError)) throw error;
    this.store.emit("problem", `${t(what)}. ${error.message}`);
  }
}
