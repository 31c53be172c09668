/**
 * The box in which an own message is changed.
 */
import { h } from "../dom.js";
import { grow } from "./grow.js";

/**
 * @param {string} text
 * @param {{save: (text: string) => Promise<boolean>, done: () => void}} handlers
 * @returns {HTMLElement}
 */
export function editorView(text, handlers) {
  const box = /** @type {HTMLTextAreaElement} */ (h("textarea", { class: "editor-box", rows: "1", dir: "auto", "aria-label": "Edit message" }));
  box.value = text;
  const save = async () => {
    const changed = box.value.trim();
    if (!changed || changed === text) return handlers.done();
    if (await handlers.save(changed)) handlers.done();
  };
  box.addEventListener("input", () => grow(box));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      handlers.done();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      save();
    }
  });
  requestAnimationFrame(() => grow(box));
  return h("div", { class: "editor" }, box,
    h("div", { class: "editor-buttons" },
      h("button", { class: "button button-small", type: "button", on: { click: handlers.done } }, "Cancel"),
      h("button", { class: "button button-small button-primary", type: "button", on: { click: save } }, "Save")));
}
