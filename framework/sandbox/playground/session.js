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

  /** Ask for a fresh token, once for all who need one at the same time. @throws {SignInError} */
  refresh() {
    this.asking ??= this.#ask().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  async #ask() {
    let response;
    try {
      response = await fetch("/sandbox/token", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user_id: this.person.id }),
        signal: AbortSignal.timeout(10_000),
      });
    } catch {
      throw new SignInError(t("The server does not answer. Is it still running?"));
    }
    const body = await response.json().catch(() => ({}));
    if (!response.ok || !body.token) {
      throw new SignInError(body.message ?? `The server gave no token (HTTP ${response.status}).`);
    }
    this.token = body.token;
    this.apiKey = body.api_key;
  }
}
