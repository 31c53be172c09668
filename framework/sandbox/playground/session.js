/** Who is chatting: the development token, and what this browser remembers between visits. */
import { t } from "./i18n.js";
import { userIdFor } from "./people.js";

const STORAGE_KEY = "playground.people";
const REMEMBERED = 4;

/** What the server said when it gave no token. */
export class SignInError extends Error {}

/** People who signed in on this browser, the last first. */
export function rememberedPeople() {
  try {
    const people = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(people) ? people.filter((person) => typeof person?.id === "string") : [];
  } catch {
    return []; // storage is switched off or holds something else: nobody is remembered
  }
}

export function isRemembered(name) {
  const id = userIdFor(name);
  return rememberedPeople().some((person) => person.id === id);
}

function remember(person) {
  const others = rememberedPeople().filter((other) => other.id !== person.id);
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify([person, ...others].slice(0, REMEMBERED)));
  } catch {
    // Private windows may refuse storage; the session works without it.
  }
}

/** A signed-in person and the token that speaks for them. */
export class Session {
  constructor(person) {
    this.person = person;
    this.token = "";
    this.apiKey = "";
    this.asking = null;
  }

  static async start(name) {
    const id = userIdFor(name);
    const known = rememberedPeople().find((person) => person.id === id);
    const typed = name.trim() === id ? known?.name : name.trim();
    const session = new Session(typed ? { id, name: typed } : { id });
    await session.refresh();
    remember(session.person);
    return session;
  }

  /** Somebody who was invited and has no account: the server makes one up, which can do less. @throws {SignInError} */
  static async guest(name) {
    const session = new Session({ id: "guest" });
    await session.refresh();
    const answer = await post(`/guest?api_key=${encodeURIComponent(session.apiKey)}`, { user: { id: userIdFor(name).slice(0, 20), name: name.trim() } });
    session.person = { id: answer.user.id, name: answer.user.name };
    session.token = answer.access_token;
    remember(session.person);
    return session;
  }

  /** Ask for a fresh token, once for all who need one at the same time. @throws {SignInError} */
  refresh() {
    this.asking ??= this.#ask().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  async #ask() {
    const body = await post("/sandbox/token", { user_id: this.person.id });
    this.token = body.token;
    this.apiKey = body.api_key;
  }
}

/** @throws {SignInError} */
async function post(path, body) {
  let response;
  try {
    response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) });
  } catch {
    throw new SignInError(t("The server does not answer. Is it still running?"));
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new SignInError(answer.message ?? t("The server answered HTTP {status}.", { status: response.status }));
  return answer;
}
