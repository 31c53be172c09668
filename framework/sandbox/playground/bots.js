/** The bots that answer on this server, and the conversations with them. */
import { shortId } from "./ids.js";

/** Letters that a page puts in the place of `*` in the name of a conversation. */
const FILLED = 6;

/**
 * @typedef {object} Bot as `GET /sandbox/bots` shows it to this person: user_id, name, image, description, starters,
 * conversations (TYPE:ID with wildcards), where (custom fields of its channels), automatic, online, of_team, resume,
 * rooms (open to this person), desks (channels of its team, which they belong to), joined (those of both that they are in).
 */

export class Bots {
  constructor(api, store, chat) {
    this.api = api;
    this.store = store;
    this.chat = chat;
  }

  /** Learn which bots there are now. Where the server does not say, those that were known stay. */
  async load() {
    const answer = await this.api.bots().catch(() => null);
    if (!answer) return;
    this.store.bots = answer.bots;
    for (const { user_id: id, name, image, online } of answer.bots) this.store.putUser({ id, name, image, online });
    this.store.emit("people");
    const desks = answer.bots.flatMap((bot) => bot.desks.filter((cid) => !bot.joined.includes(cid)));
    for (const cid of new Set(desks)) await this.api.join(cid).catch(() => {}); // it comes by an event, or with the next load
  }

  /** Begin a conversation with a bot, and with a first message where one is given. */
  async talk(bot, text = "") {
    const cid = bot.conversations[0].replace(/[*?]/g, (wild) => shortId(wild === "*" ? FILLED : 1));
    const members = [this.store.me.id, ...(bot.automatic ? [] : [bot.user_id])];
    await (bot.rooms.includes(cid) ? this.join(cid) : this.chat.openChannel(cid, { ...bot.where, members }));
    const channel = this.store.channels.get(cid);
    if (text && channel?.loaded) this.chat.send(channel, { text });
    else if (text) this.store.drafts.set(`${cid}/`, text); // without a connection it waits in the box
  }

  /** Become a member of a channel that is open to this person, or by the text of an invite. */
  async join(cid, invite = "") {
    const answer = await this.chat.attempt("The conversation could not be joined", () => this.api.join(cid, invite));
    if (answer) await this.chat.openChannel(cid);
    return Boolean(answer);
  }

  /** The address by which whoever has it joins a channel; null after a failure that has been shown. */
  async invite(cid) {
    const answer = await this.chat.attempt("The link could not be made", () => this.api.makeInvite(cid));
    return answer && `${location.origin}/?${new URLSearchParams({ channel: cid, invite: answer.invite })}`;
  }
}
