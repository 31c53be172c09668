/**
 * Reactions: the counts under a message, and the little bar to choose one.
 */
import { h } from "../dom.js";
import { icon } from "../icons.js";

/** Stream's usual types, and what a screen reader calls them. @type {Record<string, string>} */
export const REACTIONS = { like: "Like", love: "Love", haha: "Funny", wow: "Surprising", sad: "Sad" };

/** @param {any} message @returns {[string, number][]} type and count, without zeros */
export function reactionCounts(message) {
  const groups = message.reaction_groups;
  const pairs = groups && Object.keys(groups).length
    ? Object.entries(groups).map(([type, group]) => [type, group?.count ?? 0])
    : Object.entries(message.reaction_counts ?? {});
  return /** @type {[string, number][]} */ (pairs.filter(([, count]) => Number(count) > 0));
}

/**
 * @param {any} message
 * @param {(type: string) => void} toggle
 * @returns {HTMLElement[]}
 */
export function reactionViews(message, toggle) {
  const own = new Set((message.own_reactions ?? []).map((/** @type {any} */ reaction) => reaction.type));
  return reactionCounts(message).map(([type, count]) => {
    const label = `${REACTIONS[type] ?? type}, ${count}`;
    const mark = REACTIONS[type] ? icon(type) : h("span", {}, type);
    return h("button", { class: "reaction", type: "button", "aria-pressed": String(own.has(type)), "aria-label": label, title: label, on: { click: () => toggle(type) } }, mark, h("span", {}, count));
  });
}

/** @param {(type: string) => void} choose @returns {HTMLElement} */
export function reactionBar(choose) {
  const buttons = Object.entries(REACTIONS).map(([type, label]) =>
    h("button", { class: "icon-button", type: "button", "aria-label": label, title: label, on: { click: () => choose(type) } }, icon(type)));
  return h("div", { class: "reaction-bar", role: "group", "aria-label": "React" }, ...buttons);
}
