/** The WebSocket: opens, keeps alive, notices silence, and comes back by itself. */
import { reconnectDelay } from "./backoff.js";

const PING_AFTER_MS = 25_000;
const SILENCE_MS = 35_000;
const FIRST_FRAME_MS = 15_000;
const CODE_TOKEN_EXPIRED = 40;
const NORMAL_CLOSURE = 1000;
/** Wrong key, failed authentication, not allowed, bad times, bad signature: trying again changes nothing. */
const PERMANENT_CODES = new Set([2, 5, 17, 41, 42, 43]);


export class Connection {
  constructor(session, handlers) {
    this.session = session;
    this.handlers = handlers;
    this.id = null;
    this.socket = null;
    this.state = { phase: "closed" };
    this.failures = 0;
    this.wasOpen = false;
    this.refreshed = false;
    this.timers = {};
    this.goOnline = () => this.retryNow();
    this.goOffline = () => this.#lose({ phase: "offline" });
  }

  open() {
    window.addEventListener("online", this.goOnline);
    window.addEventListener("offline", this.goOffline);
    if (navigator.onLine) this.#connect();
    else this.#become({ phase: "offline" });
  }

  close() {
    window.removeEventListener("online", this.goOnline);
    window.removeEventListener("offline", this.goOffline);
    this.#lose({ phase: "closed" });
  }

  /** Try at once instead of when the wait is over. */
  retryNow() {
    if (this.state.phase === "online" || this.state.phase === "connecting") return;
    this.#connect();
  }

  #connect() {
    this.#drop();
    this.#become({ phase: "connecting" });
    const socket = new WebSocket(this.#address());
    this.socket = socket;
    this.#after("first", FIRST_FRAME_MS, () => this.#fail());
    socket.onmessage = (frame) => this.#receive(frame.data);
    socket.onclose = (event) => {
      if (event.code === NORMAL_CLOSURE) this.#refuse("The server ended this session.");
      else this.#fail();
    };
  }

  #address() {
    const { person, token, apiKey } = this.session;
    const query = new URLSearchParams({
      json: JSON.stringify({ user_id: person.id, user_details: person, client_request_id: crypto.randomUUID?.() ?? String(Date.now()) }),
      api_key: apiKey,
      authorization: token,
      "stream-auth-type": "jwt",
      "X-Stream-Client": "sandbox-playground",
    });
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return `${scheme}://${location.host}/connect?${query}`;
  }

  #receive(data) {
    const event = parse(data);
    if (!event) return;
    this.#watchForSilence();
    if (event.type === "connection.error") {
      this.#reject(event.error ?? {});
      return;
    }
    if (event.type === "health.check") this.#pingLater();
    if (event.type === "health.check" && event.me && this.state.phase === "connecting") this.#opened(event);
    this.handlers.onEvent(event);
  }

  #opened(hello) {
    clearTimeout(this.timers.first);
    this.id = hello.connection_id;
    this.failures = 0;
    this.refreshed = false;
    const again = this.wasOpen;
    this.wasOpen = true;
    this.#become({ phase: "online" });
    this.handlers.onOpen(hello, again);
  }

  #reject(error) {
    if (error.code === CODE_TOKEN_EXPIRED && !this.refreshed) {
      this.refreshed = true;
      this.#drop();
      this.session.refresh().then(() => this.#connect(), () => this.#fail());
    } else if (PERMANENT_CODES.has(error.code ?? 0)) {
      this.#refuse(error.message ?? "The server refused the connection.");
    } else {
      this.#fail();
    }
  }

  #refuse(reason) {
    this.#lose({ phase: "refused", reason });
  }

  #fail() {
    if (!navigator.onLine) return this.#lose({ phase: "offline" });
    this.failures += 1;
    const delay = reconnectDelay(this.failures);
    this.#lose({ phase: "waiting", retryAt: Date.now() + delay });
    this.#after("retry", delay, () => this.#connect());
  }

  #lose(state) {
    this.#drop();
    this.#become(state);
  }

  #drop() {
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.timers = {};
    this.id = null;
    if (!this.socket) return;
    this.socket.onclose = null;
    this.socket.onmessage = null;
    this.socket.close();
    this.socket = null;
  }

  #pingLater() {
    this.#after("ping", PING_AFTER_MS, () => {
      const ping = [{ type: "health.check", client_id: this.session.person.id }];
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(ping));
    });
  }

  #watchForSilence() {
    this.#after("silence", SILENCE_MS, () => this.#fail());
  }

  #after(name, ms, work) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(work, ms);
  }

  #become(state) {
    this.state = state;
    this.handlers.onState(state);
  }
}

function parse(data) {
  try {
    return JSON.parse(String(data));
  } catch {
    return null;
  }
}
