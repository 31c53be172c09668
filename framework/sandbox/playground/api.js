/**
 * Stream's REST API (v1), as any client uses it.
 */
import { SignInError } from "./session.js";

const TIMEOUT_MS = 20_000;
const CODE_TOKEN_EXPIRED = 40;
const CODE_INPUT = 4;

/** A call that failed: `status` is 0 when no answer came at all. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status @param {number} code Stream's error code */
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

/** @typedef {{method: string, path: string, status: number, ms: number}} Call */

export class Api {
  /**
   * @param {import("./session.js").Session} session
   * @param {() => string|null} connectionId of the open WebSocket
   * @param {(call: Call) => void} onCall told about every finished call
   */
  constructor(session, connectionId, onCall) {
    this.session = session;
    this.connectionId = connectionId;
    this.onCall = onCall;
  }

  queryChannels(/** @type {object} */ request) {
    return this.#call("POST", "/channels", request);
  }

  queryChannel(/** @type {string} */ cid, /** @type {object} */ request) {
    return this.#call("POST", `${channelPath(cid)}/query`, request);
  }

  sendMessage(/** @type {string} */ cid, /** @type {object} */ message) {
    return this.#call("POST", `${channelPath(cid)}/message`, { message });
  }

  sendEvent(/** @type {string} */ cid, /** @type {object} */ event) {
    return this.#call("POST", `${channelPath(cid)}/event`, { event });
  }

  markRead(/** @type {string} */ cid) {
    return this.#call("POST", `${channelPath(cid)}/read`, {});
  }

  /** @param {string} cid @param {"file"|"image"} kind @param {File} file */
  upload(cid, kind, file) {
    const form = new FormData();
    form.append("file", file, file.name);
    return this.#call("POST", `${channelPath(cid)}/${kind}`, form);
  }

  editMessage(/** @type {string} */ id, /** @type {string} */ text) {
    return this.#call("PUT", messagePath(id), { set: { text } });
  }

  getMessage(/** @type {string} */ id) {
    return this.#call("GET", messagePath(id));
  }

  deleteMessage(/** @type {string} */ id) {
    return this.#call("DELETE", messagePath(id));
  }

  react(/** @type {string} */ id, /** @type {string} */ type) {
    return this.#call("POST", `${messagePath(id)}/reaction`, { reaction: { type } });
  }

  unreact(/** @type {string} */ id, /** @type {string} */ type) {
    return this.#call("DELETE", `${messagePath(id)}/reaction/${encodeURIComponent(type)}`);
  }

  /** @param {string} id of the message @param {string} pollId @param {string} optionId */
  castVote(id, pollId, optionId) {
    return this.#call("POST", `${pollPath(id, pollId)}/vote`, { vote: { option_id: optionId } });
  }

  /** @param {string} id of the message @param {string} pollId @param {string} voteId */
  takeVote(id, pollId, voteId) {
    return this.#call("DELETE", `${pollPath(id, pollId)}/vote/${encodeURIComponent(voteId)}`);
  }

  replies(/** @type {string} */ id, /** @type {Record<string, string>} */ query) {
    return this.#call("GET", `${messagePath(id)}/replies`, undefined, query);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object|FormData} [body]
   * @param {Record<string, string>} [query]
   */
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

  /** @param {string} method @param {string} path @param {object|FormData|undefined} body @param {Record<string, string>} query */
  async #once(method, path, body, query) {
    const started = performance.now();
    const response = await this.#fetch(method, path, body, query);
    const answer = response ? await response.json().catch(() => ({})) : {};
    const status = response?.status ?? 0;
    this.onCall({ method, path, status, ms: Math.round(performance.now() - started) });
    if (response?.ok) return answer;
    throw new ApiError(answer.message ?? sayStatus(status), status, answer.code ?? 0);
  }

  /** @returns {Promise<Response|null>} null when no answer came */
  async #fetch(/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ body, /** @type {object} */ query) {
    const params = new URLSearchParams({ ...query, api_key: this.session.apiKey });
    const connectionId = this.connectionId();
    if (connectionId) params.set("connection_id", connectionId);
    /** @type {Record<string, string>} */
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

/** @param {number} status */
function sayStatus(status) {
  return status === 0 ? "The server does not answer." : `The server answered HTTP ${status}.`;
}

/** @param {string} cid "type:id" @returns {string} */
function channelPath(cid) {
  const colon = cid.indexOf(":");
  return `/channels/${encodeURIComponent(cid.slice(0, colon))}/${encodeURIComponent(cid.slice(colon + 1))}`;
}

/** @param {string} id */
function messagePath(id) {
  return `/messages/${encodeURIComponent(id)}`;
}

/** @param {string} id @param {string} pollId */
function pollPath(id, pollId) {
  return `${messagePath(id)}/polls/${encodeURIComponent(pollId)}`;
}
