/** A view whose module is loaded when it is first shown: the page starts without it. */
import { html, useState } from "../ui.js";

const all = [];

/** Load what was not yet shown, so that it is there when the server is not. */
export function loadAll() {
  for (const load of all) load().catch(() => {}); // it is asked for again when it is shown
}

/** `load` imports the module, `name` is what it exports. Without a server it is tried again with the next drawing. */
export function lazy(load, name) {
  all.push(load);
  let view = null;
  let asked = false;
  return function Lazy(props) {
    const [, redraw] = useState(0);
    if (view) return html`<${view} ...${props} />`;
    if (!asked) {
      asked = true;
      load().then((module) => (view = module[name])).catch(() => {}).finally(() => {
        asked = false;
        redraw((n) => n + 1);
      });
    }
    return html`<div class="loading" role="status"><span class="bone w60" /></div>`;
  };
}
