/** A small, safe part of Markdown as DOM nodes. Nothing here ever parses HTML: what is not one of the forms below stays the text that it is. */
import { CodeBlock } from "./views/code.js";
import { h } from "./ui.js";
import { t } from "./i18n.js";
import { inline } from "./markdown-inline.js";

const DEEPEST = 6;
const FENCE = /^ {0,3}(```+|~~~+)\s*([\w+-]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)]) +(.*)$/;
const TASK = /^\[([ xX])\] +(.*)$/;
const TABLE_LINE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

export function renderMarkdown(text, options = {}) {
  const whole = options.partial ? closeMarks(text) : text;
  return blocks(whole.replace(/\r\n?/g, "\n").split("\n"), 0);
}

function closeMarks(text) {
  const line = text.slice(text.lastIndexOf("\n") + 1);
  const bold = line.split("**").length - 1;
  const ticks = line.split("`").length - 1;
  if (ticks % 2 === 1 && !line.startsWith("```")) return `${text}\``;
  return bold % 2 === 1 && !/\*\*\s*$/.test(line) ? `${text}**` : text;
}

function blocks(lines, depth) {
  const made = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === "") {
      at += 1;
      continue;
    }
    const [node, next] = block(lines, at, depth);
    made.push(node);
    at = next;
  }
  return made;
}

function block(lines, at, depth) {
  const line = lines[at];
  if (FENCE.test(line)) return codeBlock(lines, at);
  const heading = HEADING.exec(line);
  if (heading) return [h("p", { class: `md-heading md-h${heading[1].length}` }, ...inline(heading[2])), at + 1];
  if (RULE.test(line)) return [h("hr"), at + 1];
  if (QUOTE.test(line) && depth < DEEPEST) return quote(lines, at, depth);
  if (ITEM.test(line) && depth < DEEPEST) return list(lines, at, depth);
  if (startsTable(lines, at)) return table(lines, at);
  return paragraph(lines, at);
}

function codeBlock(lines, at) {
  const [, fence, language] = FENCE.exec(lines[at]) ?? ["", "```", ""];
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(fence)) end += 1;
  return [h(CodeBlock, { language, text: lines.slice(at + 1, end).join("\n") }), end + 1];
}

function quote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [h("blockquote", {}, ...blocks(inner, depth + 1)), end];
}

function list(lines, at, depth) {
  const [, pad, mark] = ITEM.exec(lines[at]) ?? ["", "", "-"];
  const ordered = /\d/.test(mark);
  const indent = pad.length;
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || item[1].length !== indent || /\d/.test(item[2]) !== ordered) break;
    const inner = [item[3]];
    end += 1;
    while (end < lines.length && belongs(lines, end, indent)) {
      inner.push(lines[end].slice(Math.min(leading(lines[end]), indent + mark.length + 1)));
      end += 1;
    }
    items.push(listItem(inner, depth));
    while (end < lines.length && lines[end].trim() === "" && ITEM.test(lines[end + 1] ?? "")) end += 1;
  }
  const start = ordered && mark.slice(0, -1) !== "1" ? { start: mark.slice(0, -1) } : {};
  return [h(ordered ? "ol" : "ul", start, ...items), end];
}

function listItem(inner, depth) {
  const task = TASK.exec(inner[0]);
  if (!task) return h("li", {}, ...tight(blocks(inner, depth + 1)));
  const done = task[1] !== " ";
  const box = h("span", { class: "task-box", role: "img", "aria-label": t(done ? "done:" : "to do:") }, done ? "☑" : "☐");
  return h("li", { class: "task" }, box, ...tight(blocks([task[2], ...inner.slice(1)], depth + 1)));
}

/** A line that continues the item above it. */
function belongs(lines, at, indent) {
  const line = lines[at];
  if (line.trim() === "") return leading(lines[at + 1] ?? "") > indent;
  if (ITEM.test(line)) return leading(line) > indent;
  return leading(line) > indent || (lines[at - 1].trim() !== "" && !startsBlock(line));
}

function startsBlock(line) {
  return FENCE.test(line) || HEADING.test(line) || QUOTE.test(line) || RULE.test(line);
}

function leading(line) {
  return line.length - line.trimStart().length;
}

/** An item of one paragraph needs no paragraph. */
function tight(nodes) {
  return nodes.flatMap((node, index) => (index === 0 && node.props.class === "md-p" ? [node.props.children].flat() : [node]));
}

function startsTable(lines, at) {
  return lines[at].includes("|") && (lines[at + 1] ?? "").includes("-") && TABLE_LINE.test(lines[at + 1] ?? "");
}

function table(lines, at) {
  const head = cells(lines[at]);
  const align = cells(lines[at + 1]).map((mark) => (/:$/.test(mark) ? (/^:/.test(mark) ? "center" : "end") : "start"));
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim() !== "") end += 1;
  const row = (tag, texts) =>
    h("tr", {}, ...head.map((_, index) => h(tag, { class: `md-${align[index] ?? "start"}`, ...(tag === "th" ? { scope: "col" } : {}) }, ...inline(texts[index] ?? ""))));
  const body = lines.slice(at + 2, end).map((line) => row("td", cells(line)));
  const whole = h("table", {}, h("thead", {}, row("th", head)), h("tbody", {}, ...body));
  return [h("div", { class: "md-table", tabindex: "0", role: "group", "aria-label": t("Table") }, whole), end];
}

function cells(line) {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() !== "" && !startsBlock(lines[end]) && !ITEM.test(lines[end]) && !startsTable(lines, end)) {
    end += 1;
  }
  return [h("p", { class: "md-p" }, ...inline(lines.slice(at, end).join("\n"))), end];
}
