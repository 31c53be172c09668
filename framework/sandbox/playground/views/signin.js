/**
 * The first screen: who are you?
 */
import { h } from "../dom.js";
import { SUGGESTED_NAMES, avatar, displayName, userIdFor } from "../people.js";
import { rememberedPeople } from "../session.js";

/**
 * @param {(name: string) => Promise<void>} enter rejects with a SignInError to show
 * @param {{problem?: string, asked?: string}} [why] what to show from the start: a problem, or the user id that the page's
 *   address asks for
 * @returns {HTMLElement}
 */
export function signInView(enter, { problem = "", asked = "" } = {}) {
  const remembered = rememberedPeople();
  const error = h("p", { class: "form-error", role: "alert", id: "name-error" }, problem);
  const input = /** @type {HTMLInputElement} */ (h("input", { id: "name", name: "name", autocomplete: "nickname", maxlength: "64", placeholder: "For example Maria", "aria-describedby": "name-error", spellcheck: "false", autocapitalize: "words" }));
  const submit = /** @type {HTMLButtonElement} */ (h("button", { class: "button button-primary", type: "submit" }, "Start chatting"));
  const go = async (/** @type {string} */ name) => {
    if (!name.trim()) {
      error.textContent = "Type a name, or pick one above.";
      input.focus();
      return;
    }
    error.textContent = "";
    submit.disabled = true;
    try {
      await enter(name);
    } catch (failure) {
      error.textContent = failure instanceof Error ? failure.message : String(failure);
      submit.disabled = false;
    }
  };
  const form = h("form", { class: "signin-form", on: { submit: (/** @type {Event} */ event) => (event.preventDefault(), go(input.value)) } },
    h("label", { for: "name" }, "Or type a name"), h("div", { class: "signin-row" }, input, submit), error);
  const node = h("main", { class: "signin" }, h("div", { class: "signin-card" },
    h("img", { class: "signin-mark", src: "/playground/mark.svg", alt: "", width: "52", height: "52" }),
    h("h1", {}, "Talk to your bot"),
    h("p", { class: "signin-lead" }, "Choose who you are and write as a customer would. This server is a sandbox: there are no passwords."),
    asked ? askedView(asked, go) : null,
    peopleList(remembered, go), form,
    h("p", { class: "signin-foot" }, "The page speaks Stream’s chat API, so any Stream client sees the same channels.")));
  if (remembered.length === 0 && !asked && !matchMedia("(pointer: coarse)").matches) requestAnimationFrame(() => input.focus());
  return node;
}

/** The address names a person who never signed in here: only a click makes the reader that person. @param {string} asked @param {(name: string) => void} go */
function askedView(asked, go) {
  const id = userIdFor(asked);
  return h("div", { class: "signin-asked" },
    h("p", {}, "The link that you opened signs you in as ", h("strong", {}, id), "."),
    h("button", { class: "button button-primary", type: "button", id: "asked", on: { click: () => go(id) } }, `Continue as ${id}`));
}

/** @param {import("../session.js").Person[]} remembered @param {(name: string) => void} go */
function peopleList(remembered, go) {
  const known = new Set(remembered.map((person) => person.id));
  const fresh = SUGGESTED_NAMES.map((name) => ({ id: userIdFor(name), name })).filter((person) => !known.has(person.id));
  const people = [...remembered, ...fresh].slice(0, 4);
  return h("ul", { class: "people", "aria-label": "People" }, ...people.map((person, index) =>
    h("li", {}, h("button", { class: "person", type: "button", on: { click: () => go(person.name ?? person.id) } },
      avatar(person), h("span", { class: "person-name" }, displayName(person)),
      index === 0 && remembered.length ? h("span", { class: "person-note" }, "last time") : null))));
}
