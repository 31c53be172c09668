/** The box in which an own message is changed. */
import { t } from "../i18n.js";
import { grow, html, useLayoutEffect, useRef } from "../ui.js";

/** `save` resolves to whether the text was stored; `done` closes the box. */
export function Editor({ text, save, done }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    grow(box.current);
    box.current.focus();
  }, []);
  const store = async () => {
    const changed = box.current.value.trim();
    if (!changed || changed === text || (await save(changed))) done();
  };
  const pressed = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      done();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      store();
    }
  };
  return html`<div class="editor">
    <textarea class="editor-box" rows="1" dir="auto" aria-label=${t("Edit message")} ref=${box} defaultValue=${text} onInput=${() => grow(box.current)} onKeyDown=${pressed} />
    <div class="editor-buttons"><button class="button button-small" type="button" onClick=${done}>${t("Cancel")}</button>
      <button class="button button-small button-primary" type="button" onClick=${store}>${t("Save")}</button></div>
  </div>`;
}
