/** Stream's REST API (v1), as any client uses it. */
import { t } from "./i18n.js";
import { SignInError } from "./session.js";

const TIMEOUT_MS = 20_000;
const CODE_TOKEN_EXPIRED = 40;
const CODE_INPUT = 4;

/** A call that failed: `status` is 0 when no answer came at all. */
export class ApiError extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** Whether the same call may work later. */
  get transient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** A message with this id is stored already: an earlier try did arrive. */
  get duplicate() {
    return this.code === CODE_INPUT && /already exists/i.test(this.message);
  }
}

export class Api {
  constructor(session, connectionId, onCall) {
    this.session = session;
    this.connectionId = connectionId;
    this.onCall = onCall;
  }

  queryChannels(request) {
    return this.#call("POST", "/channels", request);
  }

  queryChannel(cid, request) {
    return this.#call("POST", `${channelPath(cid)}/query`, request);
  }

  sendMessage(cid, message) {
    return this.#call("POST", `${channelPath(cid)}/message`, { message });
  }

  sendEvent(cid, event) {
    return this.#call("POST", `${channelPath(cid)}/event`, { event });
  }

  markRead(cid) {
    return this.#call("POST", `${channelPath(cid)}/read`, {});
  }

  upload(cid, kind, file) {
    const form = new FormData();
    form.append("file", file, file.name);
    return this.#call("POST", `${channelPath(cid)}/${kind}`, form);
  }

  editMessage(id, text) {
    return this.#call("PUT", messagePath(id), { set: { text } });
  }

  pin(id, pinned) {
    return this.#call("PUT", messagePath(id), { set: { pinned } });
  }

  /** The one channel of exactly these people. */
  makeDirect(members) {
    return this.#call("POST", "/channels/messaging/query", { state: true, data: { members } });
  }

  getMessage(id) {
    return this.#call("GET", messagePath(id));
  }

  deleteMessage(id) {
    return this.#call("DELETE", messagePath(id));
  }

  react(id, type) {
    return this.#call("POST", `${messagePath(id)}/reaction`, { reaction: { type } });
  }

  unreact(id, type) {
    return this.#call("DELETE", `${messagePath(id)}/reaction/${encodeURIComponent(type)}`);
  }

  castVote(id, pollId, optionId) {
    return this.#call("POST", `${pollPath(id, pollId)}/vote`, { vote: { option_id: optionId } });
  }

  takeVote(id, pollId, voteId) {
    return this.#call("DELETE", `${pollPath(id, pollId)}/vote/${encodeURIComponent(voteId)}`);
  }

  /** The bots as this person may know them. */
  bots() {
    return this.#call("GET", "/sandbox/bots");
  }

  /** The article `file` that a bot's message names as its source. */
  source(messageId, file) {
    return this.#call("GET", "/sandbox/source", undefined, { message_id: messageId, file });
  }

  join(cid, invite) {
    return this.#call("POST", "/sandbox/join", invite ? { cid, invite } : { cid });
  }

  handBack(cid, bot) {
    return this.#call("POST", "/sandbox/hand-back", { cid, bot });
  }

  /** A message into a channel that only the team of its bot sees. */
  writeNote(cid, text) {
    return this.#call("POST", "/sandbox/notes", { cid, text });
  }

  makeInvite(cid) {
    return this.#call("POST", "/sandbox/invites", { cid });
  }

  addMembers(cid, ids) {
    return this.#call("POST", channelPath(cid), { add_members: ids });
  }

  removeMembers(cid, ids) {
    return this.#call("POST", channelPath(cid), { remove_members: ids });
  }

  members(cid, offset, limit) {
    const colon = cid.indexOf(":");
    return this.#query("/members", { type: cid.slice(0, colon), id: cid.slice(colon + 1), filter_conditions: {}, offset, limit });
  }

  queryUsers(request) {
    return this.#query("/users", request);
  }

  search(request) {
    return this.#query("/search", request);
  }

  replies(id, query) {
    return this.#call("GET", `${messagePath(id)}/replies`, undefined, query);
  }

  #query(path, payload) {
    return this.#call("GET", path, undefined, { payload: JSON.stringify(payload) });
  }

  async #call(method, path, body, query = {}) {
    const { token } = this.session;
    try {
      return await this.#once(method, path, body, query);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== CODE_TOKEN_EXPIRED) throw error;
      if (this.session.token === token) await this.#renewToken();
      return this.#once(method, path, body, query);
    }
  }

  async #renewToken() {
    try {
      await this.session.refresh();
    } catch (error) {
      if (!(error instanceof SignInError)) throw error;
      throw new ApiError(error.message, 0, 0);
    }
  }

  async #once(method, path, body, query) {
    const started = performance.now();
    const response = await this.#fetch(method, path, body, query);
    const answer = response ? await response.json().catch(() => ({})) : {};
    const status = response?.status ?? 0;
    this.onCall({ method, path, status, ms: Math.round(performance.now() - started) });
    if (response?.ok) return answer;
    throw new ApiError(answer.message ?? sayStatus(status), status, answer.code ?? 0);
  }

  async #fetch(method, path, body, query) {
    const params = new URLSearchParams({ ...query, api_key: this.session.apiKey });
    const connectionId = this.connectionId();
    if (connectionId) params.set("connection_id", connectionId);
    const headers = { Authorization: this.session.token, "stream-auth-type": "jwt" };
    const isForm = body instanceof FormData;
    if (body && !isForm) headers["content-type"] = "application/json";
    try {
      return await fetch(`${path}?${params}`, {
        method,
        headers,
        body: isForm || !body ? body : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch {
      return null; // no network, no server, or too slow: status 0 for the caller
    }
  }
}

function sayStatus(status) {
  return status === 0 ? t("The server does not answer.") : t("The server answered HTTP {status}.", { status });
}

function channelPath(cid) {
  const colon = cid.indexOf(":");
  return `/channels/${encodeURIComponent(cid.slice(0, colon))}/${encodeURIComponent(cid.slice(colon + 1))}`;
}

function messagePath(id) {
  return `/messages/${encodeURIComponent(id)}`;
}

function pollPath(id, pollId) {
  return `${messagePath(id)}/polls/${encodeURIComponent(pollId)}`;
}
