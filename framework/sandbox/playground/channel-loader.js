/** Fetches channels and watches them. An answer may be older than the events that overtake it on the WebSocket; those are applied again after it. */
import { ApiError } from "./api.js";
import { t } from "./i18n.js";
import { applyEvent } from "./reducer.js";

const PAGE = 30;

export class ChannelLoader {
  constructor(api, store, isConnected) {
    this.api = api;
    this.store = store;
    this.isConnected = isConnected;
    this.recordings = new Set();
    this.fetching = new Map();
  }

  /** Told about every event. */
  overhear(event) {
    for (const recording of this.recordings) recording.push(event);
  }

  /** Load the list again, as long as it was, and watch what is on it. */
  async reload() {
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
  async loadMore() {
    await this.#loadPage(this.store.channels.size);
    this.store.emit("channels");
  }

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
      if (!(error instanceof ApiError)) throw error;
      store.emit("problem", `${t("The conversations could not be loaded.")} ${error.message}`);
      return null;
    }
  }

  /** Store states that are asked for now. An answer may be older than the events that overtake it on the WebSocket, so these are applied again after it. */
  async #putFresh(ask) {
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

  /** Load a channel that exists and may be read, without making it. */
  async find(cid) {
    const request = { filter_conditions: { cid }, limit: 1, message_limit: PAGE, member_limit: 30, state: true, watch: true, presence: true };
    const found = await this.#putFresh(async () => (await this.api.queryChannels(request)).channels);
    this.store.emit("channels");
    return found.length > 0;
  }

  fetch(cid, data) {
    const fetching = this.fetching.get(cid) ?? this.#fetchNow(cid, data).finally(() => this.fetching.delete(cid));
    this.fetching.set(cid, fetching);
    return fetching;
  }

  async #fetchNow(cid, data) {
    const { store } = this;
    if (!this.isConnected()) return; // fetched as soon as the connection is open
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
}

function sayWhyClosed(error, me) {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof ApiError) || error.status !== 403) return error.message;
  return t("{name} is not a member of this conversation. A member can add you, or you can start your own.", { name: me });
}
