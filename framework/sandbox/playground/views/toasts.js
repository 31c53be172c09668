/**
 * Short notices of what went wrong; they leave by themselves.
 */
import { h } from "../dom.js";
import { icon } from "../icons.js";

const SHOWN_MS = 7_000;

/** @param {import("../store.js").Store} store */
export function showToasts(store) {
  const place = document.getElementById("toasts");
  store.on("problem", (text) => {
    const close = h("button", { class: "icon-button", type: "button", "aria-label": "Dismiss", on: { click: () => toast.remove() } }, icon("close"));
    const toast = h("div", { class: "toast" }, h("span", {}, text), close);
    place?.append(toast);
    while (place && place.children.length > 3) place.firstElementChild?.remove();
    setTimeout(() => toast.remove(), SHOWN_MS);
  });
}
