/**
 * Building DOM without markup strings: text given here always stays text.
 */

/** @typedef {Node|string|number|null|undefined|false} Child */

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [props] `on` maps event names to listeners, `dataset` and other
 *   names become attributes; `null`, `undefined` and `false` leave an attribute out.
 * @param {...(Child|Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [type, listener] of Object.entries(/** @type {object} */ (value))) {
        if (listener) node.addEventListener(type, listener);
      }
    } else if (name === "dataset") {
      Object.assign(node.dataset, value);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.flat().filter(isShown).map(asNode));
  return node;
}

/** @param {Child} child */
function isShown(child) {
  return child !== null && child !== undefined && child !== false;
}

/** @param {Child} child @returns {Node} */
function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/**
 * Run a function at most once a frame, however often it is asked for; also while the tab is hidden,
 * where browsers give no frames.
 *
 * @param {() => void} work
 * @returns {() => void}
 */
export function oncePerFrame(work) {
  let asked = false;
  const run = () => {
    asked = false;
    work();
  };
  return () => {
    if (asked) return;
    asked = true;
    if (document.hidden) setTimeout(run, 60);
    else requestAnimationFrame(run);
  };
}

/**
 * A link target that may be followed: http and https only, else null.
 *
 * @param {unknown} target
 * @returns {string|null}
 */
export function safeUrl(target) {
  if (typeof target !== "string" || target.trim() === "") return null;
  try {
    const url = new URL(target.trim(), location.origin);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null; // not an address at all: the caller shows it as text
  }
}

/**
 * A link that opens beside the chat and tells the other site nothing.
 *
 * @param {string} href already passed through safeUrl
 * @param {Record<string, unknown>} props
 * @param {...Child} children
 */
export function externalLink(href, props, ...children) {
  return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", ...props }, ...children);
}
