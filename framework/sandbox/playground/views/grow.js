/**
 * A text box as tall as its text; the style sheet sets where it stops growing.
 *
 * @param {HTMLTextAreaElement} box
 */
export function grow(box) {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + box.offsetHeight - box.clientHeight}px`;
}
