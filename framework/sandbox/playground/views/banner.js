/** The state of the connection, shown only when there is something to know. */
import { t } from "../i18n.js";
import { html, useRef } from "../ui.js";

const QUIET_MS = 900;

/** Drawn once a second; `leave` goes back to the choice of a name. */
export function Banner({ chat, leave }) {
  const { phase, reason, retryAt } = chat.store.connection;
  const since = useRef(0);
  if (phase !== "connecting") since.current = 0;
  else since.current ||= Date.now();
  if (phase === "online" || phase === "closed" || (phase === "connecting" && Date.now() - since.current < QUIET_MS)) return null;
  const seconds = Math.max(1, Math.ceil(((retryAt ?? 0) - Date.now()) / 1000));
  const [text, action, work] = {
    offline: [t("You are offline. What you write is sent when the connection returns.")],
    refused: [t("Not connected: {reason}", { reason }), t("Choose a name again"), leave],
    waiting: [t("Connection lost. Trying again in {seconds} s.", { seconds }), t("Try now"), () => chat.connection.retryNow()],
  }[phase] ?? [t("Connecting…")];
  return html`<div class="banner" data-phase=${phase}><span class="banner-dot" aria-hidden="true" /><span class="banner-text">${text}</span>
    ${action && html`<button class="link-button" type="button" onClick=${work}>${action}</button>`}</div>`;
}
