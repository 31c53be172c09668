/** Messages on their way to the server: shown at once, sent with an id of their own so that a second try stores nothing twice, and kept until they have arrived. */
import { ApiError } from "./api.js";
import { messageId } from "./ids.js";

const TRY_AGAIN_MS = 2_000;
/** Fields of a draft that go out with a second try, too. */
const KEPT = ["action", "asks_again", "mentioned_users", "quoted_message_id"];


export class Outbox {
  constructor(api, store, isConnected) {
    this.api = api;
    this.store = store;
    this.isConnected = isConnected;
    this.last = new Map();
  }

  /** Show a message at once and send it. */
  send(channel, draft) {
    const { me } = this.store;
    if (!me) return;
    const message = {
      id: messageId(me.id),
      text: draft.text,
      attachments: draft.attachments ?? [],
      ...(draft.parentId ? { parent_id: draft.parentId, show_in_channel: draft.showInChannel === true } : {}),
      ...draft.fields,
    };
    const shown = { ...message, quoted_message: draft.quoted, type: "regular", user: me, created_at: this.#nowIn(channel), local: { state: "sending" } };
    channel.put(shown);
    this.store.emit("sent", channel.cid);
    this.store.emit("channel", channel.cid);
    return this.#deliver(channel, shown, message);
  }

  resend(channel, shown) {
    const { id, text, attachments, parent_id, show_in_channel } = shown;
    channel.put({ ...shown, local: { state: "sending" } });
    this.store.emit("channel", channel.cid);
    const reply = parent_id ? { parent_id, show_in_channel } : {};
    const fields = Object.fromEntries(KEPT.filter((name) => shown[name] !== undefined).map((name) => [name, shown[name]]));
    const message = { id, text, attachments, ...reply, ...fields };
    return this.#deliver(channel, shown, message);
  }

  #deliver(channel, shown, message) {
    const delivery = (this.last.get(channel.cid) ?? Promise.resolve()).then(() => this.#deliverNow(channel, shown, message));
    this.last.set(channel.cid, delivery);
    return delivery;
  }

  async #deliverNow(channel, shown, message) {
    if (this.#isBehind(channel, shown)) {
      channel.put({ ...shown, local: { state: "waiting" } });
      this.store.emit("channel", channel.cid);
      return;
    }
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
    if (state === "waiting" && this.isConnected()) setTimeout(() => this.sendWaiting(), TRY_AGAIN_MS);
  }

  /** Send what could not go out before. */
  sendWaiting() {
    for (const channel of this.store.channels.values()) {
      for (const message of waitingIn(channel)) this.resend(channel, message);
    }
  }

  /** Whether an earlier message waits: this one must not overtake it. */
  #isBehind(channel, shown) {
    return waitingIn(channel).some((other) => other.id !== shown.id && other.created_at < shown.created_at);
  }

  /** A time that sorts after everything here, also when the clocks differ. */
  #nowIn(channel) {
    const last = Date.parse(channel.messages.at(-1)?.created_at ?? "") || 0;
    return new Date(Math.max(Date.now(), last + 1)).toISOString();
  }
}

function waitingIn(channel) {
  const replies = [...channel.threads.values()].flatMap((thread) => thread.replies);
  const all = new Map([...channel.messages, ...replies].map((message) => [message.id, message]));
  const waiting = [...all.values()].filter((message) => message.local?.state === "waiting");
  return waiting.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
}
