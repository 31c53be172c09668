/** A small choice of emoji for the message box. */
import { t } from "../i18n.js";
import { html, useLayoutEffect, useRef } from "../ui.js";

const EMOJI = [..."😀😃😄😁😅😂🙂😉😊😍😘😎🤔😐😴😢😭😡🤯😱🤗🙄😬🤒👍👎👏🙏💪👋🤝👀❤️💔🔥✨🎉🎂🎁⭐✅❌❓❗💡📎📦🚚🛠️🔧🔌🔋💧🌱🌿🌸🍅☀️🌧️❄️🚗🚲✈️🏠🏢📱💻📷⏰📅💶💳🔒🔑🐛".matchAll(/\p{Emoji}\uFE0F?/gu)].map(([one]) => one);
const COLUMNS = 10;

/** `choose(emoji)`; `close()` also when the focus goes elsewhere. */
export function Emoji({ choose, close }) {
  const place = useRef(null);
  useLayoutEffect(() => place.current.querySelector("button").focus(), []);
  const pressed = (event) => {
    const buttons = [...place.current.querySelectorAll("button")];
    const at = buttons.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + COLUMNS, ArrowUp: at - COLUMNS, Home: 0, End: buttons.length - 1 }[event.key];
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    } else if (buttons[to]) {
      event.preventDefault();
      buttons[to].focus();
    }
  };
  const left = (event) => place.current?.contains(event.relatedTarget) || close();
  return html`<div class="emoji" role="group" aria-label=${t("Emoji")} ref=${place} onKeyDown=${pressed} onFocusOut=${left}>
    ${EMOJI.map((one, index) => html`<button type="button" tabindex=${index ? -1 : 0} aria-label=${one} onClick=${() => choose(one)}>${one}</button>`)}</div>`;
}
