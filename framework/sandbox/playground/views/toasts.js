/** Short notices of what went wrong; they leave by themselves. */
import { t } from "../i18n.js";
import { IconButton, html, useEffect, useState } from "../ui.js";

const SHOWN_MS = 7_000;
const MOST = 3;

export function Toasts({ store }) {
  const [toasts, setToasts] = useState([]);
  const drop = (key) => setToasts((all) => all.filter((toast) => toast.key !== key));
  useEffect(() => store.on("problem", (text) => {
    const key = performance.now();
    setToasts((all) => [...all.filter((toast) => toast.text !== text), { key, text }].slice(-MOST));
    setTimeout(() => drop(key), SHOWN_MS);
  }), []);
  return html`<div class="toasts" role="alert">${toasts.map(({ key, text }) =>
    html`<div class="toast" key=${key}><span>${text}</span><${IconButton} icon="close" label=${t("Dismiss")} onClick=${() => drop(key)} /></div>`)}</div>`;
}
