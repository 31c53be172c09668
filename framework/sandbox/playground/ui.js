/** What all views are made of: Preact with htm, icons, links. Text given here always stays text. */
import { Component, h } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export { h, render } from "./vendor/preact.js";
export { useEffect, useLayoutEffect, useRef, useState } from "./vendor/hooks.js";
export const html = htm.bind(h);

/** A view that is drawn again only when one of its props is another one. */
export function memo(view) {
  return class extends Component {
    shouldComponentUpdate(next) {
      const names = Object.keys({ ...next, ...this.props });
      return names.some((name) => next[name] !== this.props[name]);
    }
    render(props) {
      return h(view, props);
    }
  };
}

/** Run a function at most once a frame, also while the tab is hidden, where browsers give no frames. */
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

/** A link target that may be followed: http, https and mailto only, else null. */
export function safeUrl(target) {
  if (typeof target !== "string" || target.trim() === "") return null;
  try {
    const url = new URL(target.trim(), location.origin);
    return ["https:", "http:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null; // not an address at all: the caller shows it as text
  }
}

/** Whether this server has a file: loading it tells nobody else who reads. */
export function isOurs(target) {
  const href = safeUrl(target);
  if (!href) return false;
  const url = new URL(href);
  const here = (name) => name === "localhost" || name === "127.0.0.1" || name === "[::1]";
  return url.origin === location.origin || (url.port === location.port && here(url.hostname) && here(location.hostname));
}

/** A link that opens beside the chat and tells the other site nothing. `href` went through safeUrl. */
export function OutLink({ children, ...props }) {
  return html`<a target="_blank" rel="noopener noreferrer nofollow" ...${props}>${children}</a>`;
}

/** A button that shows an icon alone. */
export function IconButton({ icon, label, className = "icon-button", ...props }) {
  return html`<button class=${className} type="button" aria-label=${label} title=${label} ...${props}><${Icon} name=${icon} /></button>`;
}

/** Scroll as smoothly as the reader likes it. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Whether a finger points here: then nothing takes the focus by itself, which would open the keyboard. */
export function isTouch() {
  return matchMedia("(pointer: coarse)").matches;
}

/** Whether there is room for one thing at a time alone, as in the style sheet. */
export function isPhone() {
  return matchMedia("(max-width: 720px)").matches;
}

/** A text box as tall as its text; the style sheet sets where it stops growing. */
export function grow(box) {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + box.offsetHeight - box.clientHeight}px`;
}

/** @returns {Promise<boolean>} false without permission, or on a page that is not secure: the caller says so */
export async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Line icons on a 20 x 20 grid, drawn here so that the page needs no icon or emoji font. */
const PATHS = {
  people: "M7.5 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z M3 15.5c.4-2.5 2.2-3.7 4.5-3.7s4.1 1.2 4.5 3.7 M13 5a2.3 2.3 0 0 1 0 4.4 M14.2 12c1.6.4 2.6 1.5 2.9 3.5",
  search: "M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4z M12.7 12.7 16.5 16.5",
  queue: "M4 5h12M4 10h12M4 15h7",
  bell: "M5.5 13.5V9a4.5 4.5 0 0 1 9 0v4.5l1.2 1.5H4.3z M8.5 17h3",
  pin: "M7 3.5h6l-.8 5 2.3 2.5h-9l2.3-2.5z M10 11v5.5",
  quote: "M4.5 8h11a1.5 1.5 0 0 1 1.5 1.5V15 M8 4.5 4.5 8 8 11.5",
  plus: "M10 4v12M4 10h12",
  bot: "M5.5 6.5h9a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-5a2 2 0 0 1 2-2zM10 6.5V3.8M10 3.5h.01 M7.7 10.2v1.2M12.3 10.2v1.2",
  send: "M10 16V4.5M5 9l5-5 5 5",
  back: "M12.5 4.5 7 10l5.5 5.5",
  close: "M5 5l10 10M15 5 5 15",
  clip: "M14.8 9.3 9.6 14.5a3.2 3.2 0 0 1-4.5-4.5l6-6a2.1 2.1 0 0 1 3 3l-5.9 5.9a1 1 0 0 1-1.5-1.5l5-5",
  thread: "M4 5.5A1.5 1.5 0 0 1 5.5 4h9A1.5 1.5 0 0 1 16 5.5v6a1.5 1.5 0 0 1-1.5 1.5H9l-3.5 3v-3A1.5 1.5 0 0 1 4 11.5z M7 7.3h6M7 9.9h4",
  edit: "M4 16l.8-3.3 8-8a1.5 1.5 0 0 1 2.1 0l.4.4a1.5 1.5 0 0 1 0 2.1l-8 8z",
  trash: "M4.5 6h11M8 6V4.5h4V6M6 6l.6 9.5h6.8L14 6",
  copy: "M7.5 7.5h8v8h-8z M12.5 7.5v-3h-8v8h3",
  smile: "M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z M7.3 11.5a3.3 3.3 0 0 0 5.4 0M7.7 8v.3M12.3 8v.3",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  file: "M6 3.5h5l3.5 3.5v9.5h-8.5zM11 3.5V7h3.5",
  down: "M10 4v11.5M5.5 11l4.5 4.5 4.5-4.5",
  wire: "M3 10h3l2-5 3.5 10 2-5H17",
  person: "M10 4a3 3 0 1 0 0 6 3 3 0 0 0 0-6z M4.5 16.5c.6-2.7 2.8-4 5.5-4s4.9 1.3 5.5 4",
  stop: "M6.5 6.5h7v7h-7z",
  retry: "M15.5 10a5.5 5.5 0 1 1-1.7-4M15.5 3.5V7H12",
  check: "M4.5 10.5l3.5 3.5 7.5-8",
  link: "M8.5 11.5a2.8 2.8 0 0 0 4 0l2.5-2.5a2.8 2.8 0 0 0-4-4l-.8.8 M11.5 8.5a2.8 2.8 0 0 0-4 0L5 11a2.8 2.8 0 0 0 4 4l.8-.8",
  like: "M4 9.5h2.5v6.5H4zM6.5 9.5 9.3 4a1.6 1.6 0 0 1 1.7 1.6V8h3.6a1.3 1.3 0 0 1 1.3 1.6l-1.2 5.2a1.5 1.5 0 0 1-1.5 1.2H6.5",
  dislike: "M16 10.5h-2.5V4H16zM13.5 10.5 10.7 16A1.6 1.6 0 0 1 9 14.4V12H5.4a1.3 1.3 0 0 1-1.3-1.6l1.2-5.2A1.5 1.5 0 0 1 6.8 4h6.7",
  love: "M10 16S3.5 12.3 3.5 7.9A3.3 3.3 0 0 1 10 6.9a3.3 3.3 0 0 1 6.5 1C16.5 12.3 10 16 10 16z",
  haha: "M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z M6.5 10.5h7a3.5 3.5 0 0 1-7 0zM7 7.8l1-.8.9.8M11.1 7.8l1-.8.9.8",
  wow: "M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z M10 10.8a1.5 1.7 0 1 0 0 3.4 1.5 1.7 0 0 0 0-3.4zM7.7 7.5v.5M12.3 7.5v.5",
  sad: "M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z M7.3 13.3a3.3 3.3 0 0 1 5.4 0M7.7 8v.3M12.3 8v.3",
};

/** A decorative icon: hidden from assistive technology. */
export function Icon({ name }) {
  return html`<svg viewBox="0 0 20 20" class=${`icon icon-${name}`} aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
