/** What somebody of a bot's team does: see who waits, take over, hand back, decide. The bot hears it as chat, and asks who wrote it. */
import { millis } from "./clock.js";
import { t } from "./i18n.js";
import { displayName } from "./people.js";

const PAGE = 30;
const MOST_CHANNELS = 150;
const MOST_CARDS = 100;
const TYPOS = 3;
const SOON_MS = 1_000;

export class Team {
  constructor(api, store, chat) {
    this.api = api;
    this.store = store;
    this.chat = chat;
  }

  /** The bots whose team this person belongs to. */
  get bots() {
    return this.store.bots.filter((bot) => bot.of_team);
  }

  /** The bot of a channel whose team this person belongs to. */
  botOf(channel) {
    return this.bots.find((bot) => channel?.members.has(bot.user_id));
  }

  /** Learn what waits for the team: conversations that were handed over, the oldest first, and cards to decide on. */
  async load() {
    if (this.bots.length === 0) return;
    const [channels, cards] = await Promise.all([this.#handedOver(), this.#cards()]);
    if (channels && cards) this.store.queue = { channels, cards };
    this.store.emit("queue");
  }

  async #handedOver() {
    const found = [];
    let page;
    do {
      const request = { filter_conditions: { "handover.state": "open" }, sort: [{ field: "created_at", direction: 1 }], limit: PAGE, offset: found.length, message_limit: 1, member_limit: 30, state: true };
      page = (await this.api.queryChannels(request).catch(() => null))?.channels;
      if (!page) return null;
      found.push(...page);
    } while (page.length === PAGE && found.length < MOST_CHANNELS);
    const since = ({ channel }) => millis(channel.handover?.since);
    return found.filter(({ channel }) => this.bots.some((bot) => bot.user_id === channel.handover?.by)).sort((a, b) => since(a) - since(b));
  }

  async #cards() {
    const request = { filter_conditions: { type: { $exists: true } }, message_filter_conditions: { "review.state": "waiting" }, sort: [{ field: "created_at", direction: 1 }], limit: MOST_CARDS };
    const answer = await this.api.search(request).catch(() => null);
    return answer && answer.results.map(({ message }) => message).filter((message) => this.bots.some((bot) => bot.user_id === message.user?.id));
  }

  /** Open a conversation as somebody of the team, who may not be in it yet. */
  async open(cid) {
    if (!this.store.channels.has(cid)) await this.chat.attempt("The conversation could not be joined", () => this.api.join(cid));
    await this.chat.openChannel(cid);
  }

  /** The first word of the team takes over. */
  async takeOver(cid) {
    await this.open(cid);
    const channel = this.store.channels.get(cid);
    if (channel?.loaded) this.chat.send(channel, { text: t("Hello, this is {name}. I am taking over.", { name: displayName(this.store.me) }) });
    this.#loadSoon();
  }

  /** The bot is back: it hears its command, which the customer does not see. */
  async handBack(cid) {
    const by = this.store.channels.get(cid)?.data.handover?.by ?? this.store.queue?.channels.find(({ channel }) => channel.cid === cid)?.channel.handover.by;
    const bot = this.bots.find((one) => one.user_id === by) ?? this.botOf(this.store.channels.get(cid));
    if (bot) await this.chat.attempt("The conversation was not handed back", () => this.api.handBack(cid, bot.user_id));
    this.#loadSoon();
  }

  /** Whether this person may write notes beside a conversation: it is a customer's, and its bot has a team. */
  mayNote(channel) {
    const bot = this.botOf(channel);
    return Boolean(bot) && !bot.desks.includes(channel.cid) && !bot.rooms.includes(channel.cid);
  }

  /** Write a note that the customer never gets. Whether it was kept. */
  async note(channel, text) {
    const answer = await this.chat.attempt("The note was not kept", () => this.api.writeNote(channel.cid, text));
    if (!answer) return false;
    channel.put(answer.message);
    this.store.emit("channel", channel.cid);
    return true;
  }

  /** The bot needs a moment to do what it was told. */
  #loadSoon() {
    setTimeout(() => this.load(), SOON_MS);
  }

  /** Decide on a draft or a tool call by its button's value. */
  decide(message, value) {
    this.#loadSoon();
    return this.chat.attempt("The decision was not sent", () => this.api.react(message.id, value));
  }

  /** Send a draft with another text. */
  async amend(message, text) {
    const cid = message.cid ?? message.channel?.cid;
    const fields = message.restricted_visibility?.length ? { restricted_visibility: message.restricted_visibility } : {};
    if (!text) return false;
    this.#loadSoon();
    const reply = { text: `edit: ${text}`, parent_id: message.id, ...fields };
    return Boolean(await this.chat.attempt("The decision was not sent", () => this.api.sendMessage(cid, reply)));
  }

  /**
   * Keep a command to the bot, and what is nearly one, from the customer.
   *
   * @returns {""|"done"|"typo"} "" for a text that is to be sent
   */
  hears(channel, text) {
    const bot = this.botOf(channel);
    const command = plain(bot?.resume ?? "");
    const said = plain(text);
    if (!command) return "";
    if (said === command) {
      this.handBack(channel.cid);
      return "done";
    }
    const isNearly = said.split(" ")[0] === command.split(" ")[0] || (Math.abs(said.length - command.length) <= TYPOS && distance(said, command) <= TYPOS);
    if (!isNearly) return "";
    this.store.emit("problem", t("“{text}” is no command, so it was not sent. Did you mean {command}?", { text, command }));
    return "typo";
  }
}

function plain(text) {
  return text.trim().split(/\s+/).join(" ").toLowerCase();
}

/** How many letters have to change to make one text of the other. */
function distance(from, to) {
  let row = [...Array(to.length + 1).keys()];
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1));
    row = next;
  }
  return row[to.length];
}
