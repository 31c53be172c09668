/** The marks inside a line: code, bold, italic, strike-through, links, line breaks. */
import { OutLink, h, safeUrl } from "./ui.js";
import { Picture } from "./views/attachments.js";

const DEEPEST = 8;
const CODE = /^(`+)([\s\S]*?[^`])\1(?!`)/;
const STRONG = /^(\*\*|__)(?=\S)([\s\S]*?\S)\1/;
const EMPHASIS = /^([*_])(?=\S)([^*_\n]*?[^\s*_])\1(?![\w*])/;
const STRIKE = /^~~(?=\S)([\s\S]*?\S)~~/;
const LINK = /^!?\[([^\]\n]{1,500})\]\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"\n]*")?\s*\)/;
const BARE_LINK = /^<?(https?:\/\/[^\s<>"'`]+)>?/;
const TRAILING = /[.,;:!?)\]*_]+$/;
const SPECIAL = /[\\`*_~[!<h\n]/g;

export function inline(text, depth = 0) {
  const nodes = [];
  let plain = "";
  let at = 0;
  const flush = () => {
    if (plain) nodes.push(plain);
    plain = "";
  };
  while (at < text.length) {
    const found = depth < DEEPEST ? mark(text, at, depth) : null;
    if (found) {
      flush();
      nodes.push(found.node);
      at += found.length;
      continue;
    }
    const escaped = text[at] === "\\" && /[\\`*_~[\](){}#+\-.!|<>]/.test(text[at + 1] ?? "");
    const next = escaped ? at + 2 : nextSpecial(text, at + 1);
    plain += text.slice(escaped ? at + 1 : at, next);
    at = next;
  }
  flush();
  return nodes;
}

function nextSpecial(text, from) {
  SPECIAL.lastIndex = from;
  return SPECIAL.exec(text)?.index ?? text.length;
}

/** The mark that starts at a place, if one does. */
function mark(text, at, depth) {
  const rest = text.slice(at);
  const inWord = at > 0 && /\w/.test(text[at - 1]);
  switch (text[at]) {
    case "\n":
      return { node: h("br"), length: 1 };
    case "`":
      return matched(CODE, rest, (m) => h("code", {}, m[2].trim() || m[2]));
    case "*":
    case "_":
      if (text[at] === "_" && inWord) return null;
      return matched(STRONG, rest, (m) => h("strong", {}, ...inline(m[2], depth + 1)))
        ?? matched(EMPHASIS, rest, (m) => h("em", {}, ...inline(m[2], depth + 1)));
    case "~":
      return matched(STRIKE, rest, (m) => h("del", {}, ...inline(m[1], depth + 1)));
    case "[":
    case "!":
      return matched(LINK, rest, (m) => namedLink(m, depth));
    case "<":
    case "h":
      return inWord ? null : bareLink(rest);
    default:
      return null;
  }
}

function matched(pattern, rest, build) {
  const found = pattern.exec(rest);
  const node = found && build(found);
  return node ? { node, length: found[0].length } : null;
}

function namedLink(found, depth) {
  const absolute = /^(https?:\/\/|mailto:)/i.test(found[2]) ? safeUrl(found[2]) : null;
  if (absolute && found[0].startsWith("!") && !absolute.startsWith("mailto:")) return h(Picture, { href: absolute, name: found[1] });
  return absolute ? h(OutLink, { href: absolute, title: absolute }, ...inline(found[1], depth + 1)) : null;
}

function bareLink(rest) {
  const found = BARE_LINK.exec(rest);
  if (!found) return null;
  const bracketed = found[0].startsWith("<") && found[0].endsWith(">");
  const address = bracketed ? found[1] : trimmed(found[1]);
  const href = safeUrl(address);
  const length = bracketed ? found[0].length : address.length + (found[0].startsWith("<") ? 1 : 0);
  return href ? { node: h(OutLink, { href }, address), length } : null;
}

/** A full stop after an address does not belong to it; a bracket does if it was opened in it. */
function trimmed(address) {
  const tail = TRAILING.exec(address)?.[0] ?? "";
  if (tail.startsWith(")") && address.includes("(")) return address.slice(0, address.length - tail.length + 1);
  return address.slice(0, address.length - tail.length);
}
