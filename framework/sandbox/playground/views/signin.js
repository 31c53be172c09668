/** The first screen: who are you? */
import { t } from "../i18n.js";
import { Avatar, SUGGESTED_NAMES, displayName, userIdFor } from "../people.js";
import { rememberedPeople } from "../session.js";
import { html, isTouch, useEffect, useRef, useState } from "../ui.js";

const OFFERED = 4;

/**
 * `enter(name, how)` rejects with a SignInError to show; `problem` is shown from the start; `asked`: the user id that the address names;
 * `invited`: the address is an invite into a conversation. */
export function SignIn({ enter, invited, problem = "", asked = "" }) {
  const remembered = rememberedPeople();
  const [error, setError] = useState(problem);
  const [busy, setBusy] = useState(false);
  const input = useRef(null);
  useEffect(() => void (remembered.length === 0 && !asked && !isTouch() && input.current.focus()), []);
  const go = async (name, how) => {
    if (!name.trim()) {
      setError(t("Type a name, or pick one above."));
      input.current.focus();
      return;
    }
    setError("");
    setBusy(true);
    try {
      await enter(name, how);
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  };
  return html`<main class="signin"><div class="signin-card">
    <img class="signin-mark" src="/playground/mark.svg" alt="" width="52" height="52" />
    <h1>${invited ? t("You are invited to a conversation") : t("Talk to your bot")}</h1>
    <p class="signin-lead">${t("Choose who you are and write as a customer would. This server is a sandbox: there are no passwords.")}</p>
    ${asked && html`<${Asked} id=${userIdFor(asked)} go=${go} />`}
    <${People} remembered=${remembered} go=${go} />
    <form class="signin-form" onSubmit=${(event) => (event.preventDefault(), go(input.current.value))}>
      <label for="name">${t("Or type a name")}</label>
      <div class="signin-row"><input id="name" name="name" autocomplete="nickname" maxlength="64" placeholder=${t("For example Maria")} aria-describedby="name-error" spellcheck=${false} autocapitalize="words" ref=${input} />
        <button class="button button-primary" type="submit" disabled=${busy}>${t("Start chatting")}</button></div>
      ${invited && html`<button class="link-button" type="button" disabled=${busy} onClick=${() => go(input.current.value, "guest")}>${t("Join as a guest with this name")}</button>`}
      <p class="form-error" role="alert" id="name-error">${error}</p>
    </form>
    <p class="signin-foot">${t("The page speaks Stream’s chat API, so any Stream client sees the same channels.")}</p>
  </div></main>`;
}

/** The address names a person who never signed in here: only a click makes the reader that person. */
function Asked({ id, go }) {
  const [before, after] = t("The link that you opened signs you in as {name}.").split("{name}");
  return html`<div class="signin-asked"><p>${before}<strong>${id}</strong>${after}</p>
    <button class="button button-primary" type="button" id="asked" onClick=${() => go(id)}>${t("Continue as {name}", { name: id })}</button></div>`;
}

function People({ remembered, go }) {
  const known = new Set(remembered.map((person) => person.id));
  const fresh = SUGGESTED_NAMES.map((name) => ({ id: userIdFor(name), name })).filter((person) => !known.has(person.id));
  return html`<ul class="people" aria-label=${t("People")}>${[...remembered, ...fresh].slice(0, OFFERED).map((person, index) =>
    html`<li key=${person.id}><button class="person" type="button" onClick=${() => go(person.name ?? person.id)}><${Avatar} user=${person} />
      <span class="person-name">${displayName(person)}</span>${index === 0 && remembered.length > 0 && html`<span class="person-note">${t("last time")}</span>`}</button></li>`)}</ul>`;
}
