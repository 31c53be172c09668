/**
 * Line icons on a 20 x 20 grid, drawn here so that the page needs no icon or emoji font.
 */

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, string[]>} */
const PATHS = {
  plus: ["M10 4v12M4 10h12"],
  bot: ["M5.5 6.5h9a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-5a2 2 0 0 1 2-2zM10 6.5V3.8M10 3.5h.01", "M7.7 10.2v1.2M12.3 10.2v1.2"],
  send: ["M10 16V4.5M5 9l5-5 5 5"],
  back: ["M12.5 4.5 7 10l5.5 5.5"],
  close: ["M5 5l10 10M15 5 5 15"],
  clip: ["M14.8 9.3 9.6 14.5a3.2 3.2 0 0 1-4.5-4.5l6-6a2.1 2.1 0 0 1 3 3l-5.9 5.9a1 1 0 0 1-1.5-1.5l5-5"],
  thread: ["M4 5.5A1.5 1.5 0 0 1 5.5 4h9A1.5 1.5 0 0 1 16 5.5v6a1.5 1.5 0 0 1-1.5 1.5H9l-3.5 3v-3A1.5 1.5 0 0 1 4 11.5z", "M7 7.3h6M7 9.9h4"],
  edit: ["M4 16l.8-3.3 8-8a1.5 1.5 0 0 1 2.1 0l.4.4a1.5 1.5 0 0 1 0 2.1l-8 8z"],
  trash: ["M4.5 6h11M8 6V4.5h4V6M6 6l.6 9.5h6.8L14 6"],
  copy: ["M7.5 7.5h8v8h-8z", "M12.5 7.5v-3h-8v8h3"],
  smile: ["M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M7.3 11.5a3.3 3.3 0 0 0 5.4 0M7.7 8v.3M12.3 8v.3"],
  more: ["M5 10h.01M10 10h.01M15 10h.01"],
  file: ["M6 3.5h5l3.5 3.5v9.5h-8.5zM11 3.5V7h3.5"],
  down: ["M10 4v11.5M5.5 11l4.5 4.5 4.5-4.5"],
  wire: ["M3 10h3l2-5 3.5 10 2-5H17"],
  person: ["M10 4a3 3 0 1 0 0 6 3 3 0 0 0 0-6z", "M4.5 16.5c.6-2.7 2.8-4 5.5-4s4.9 1.3 5.5 4"],
  stop: ["M6.5 6.5h7v7h-7z"],
  retry: ["M15.5 10a5.5 5.5 0 1 1-1.7-4M15.5 3.5V7H12"],
  check: ["M4.5 10.5l3.5 3.5 7.5-8"],
  link: ["M8.5 11.5a2.8 2.8 0 0 0 4 0l2.5-2.5a2.8 2.8 0 0 0-4-4l-.8.8", "M11.5 8.5a2.8 2.8 0 0 0-4 0L5 11a2.8 2.8 0 0 0 4 4l.8-.8"],
  like: ["M4 9.5h2.5v6.5H4zM6.5 9.5 9.3 4a1.6 1.6 0 0 1 1.7 1.6V8h3.6a1.3 1.3 0 0 1 1.3 1.6l-1.2 5.2a1.5 1.5 0 0 1-1.5 1.2H6.5"],
  dislike: ["M16 10.5h-2.5V4H16zM13.5 10.5 10.7 16A1.6 1.6 0 0 1 9 14.4V12H5.4a1.3 1.3 0 0 1-1.3-1.6l1.2-5.2A1.5 1.5 0 0 1 6.8 4h6.7"],
  love: ["M10 16S3.5 12.3 3.5 7.9A3.3 3.3 0 0 1 10 6.9a3.3 3.3 0 0 1 6.5 1C16.5 12.3 10 16 10 16z"],
  haha: ["M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M6.5 10.5h7a3.5 3.5 0 0 1-7 0zM7 7.8l1-.8.9.8M11.1 7.8l1-.8.9.8"],
  wow: ["M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M10 10.8a1.5 1.7 0 1 0 0 3.4 1.5 1.7 0 0 0 0-3.4zM7.7 7.5v.5M12.3 7.5v.5"],
  sad: ["M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M7.3 13.3a3.3 3.3 0 0 1 5.4 0M7.7 8v.3M12.3 8v.3"],
};

/**
 * @param {string} name a key of the table above
 * @returns {SVGSVGElement} decorative: hidden from assistive technology
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  for (const d of PATHS[name] ?? []) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
