/**
 * Reactions: the counts under a message, and the little bar to choose one.
 */
import { h } from "../dom.js";
import { icon } from "../icons.js";

/** Stream's usual types, and what a screen reader calls them. @type {Record<string, string>} */
export const REACTIONS = { like: "Like", love: "Love", haha: "Funny", wow: "Surprising", sad: "Sad" };

/** The icons of other common types. @type {Record<string, string>} */
const ICONS = { thumbs_up: "like", thumbsup: "like", "+1": "like", thumbs_down: "dislike", thumbsdown: "dislike", "-1": "dislike", white_check_mark: "check", x: "close" };

/** @param {any} message @returns {[string, number][]} type and count, without zeros */
export function reactionCounts(message) {
  const groups = message.reaction_groups;
  const pairs = groups && Object.keys(groups).length
    ? Object.entries(groups).map(([type, group]) => [type, group?.count ?? 0])
    : Object.entries(message.reaction_counts ?? {});
  return /** @type {[string, number][]} */ (pairs.filter(([, count]) => Number(count) > 0));
}

/**
 * @param {[string, number][]} counts
 * @param {unknown} offered reactions that the bot asks for, from its custom field `feedback`
 * @returns {[string, number][]} those given, and those offered with none
 */
export function withOffered(counts, offered) {
  const given = new Set(counts.map(([type]) => type));
  const more = Array.isArray(offered) ? offered.filter((type) => typeof type === "string" && !given.has(type)).slice(0, 5) : [];
  return [...counts, ...more.map((type) => /** @type {[string, number]} */ ([type, 0]))];
}

/**
 * @param {any} message
 * @param {[string, number][]} counts
 * @param {(type: string) => void} toggle
 * @returns {HTMLElement[]}
 */
export function reactionViews(message, counts, toggle) {
  const own = new Set((message.own_reactions ?? []).map((/** @type {any} */ reaction) => reaction.type));
  return counts.map(([type, count]) => {
    const name = REACTIONS[type] ?? type.replaceAll("_", " ");
    const label = count ? `${name}, ${count}` : name;
    const drawn = REACTIONS[type] ? type : ICONS[type];
    const mark = drawn ? icon(drawn) : h("span", {}, name);
    return h("button", { class: "reaction", type: "button", "aria-pressed": String(own.has(type)), "aria-label": label, title: label, on: { click: () => toggle(type) } }, mark, count ? h("span", {}, count) : null);
  });
}

/** @param {(type: string) => void} choose @returns {HTMLElement} */
export function reactionBar(choose) {
  const buttons = Object.entries(REACTIONS).map(([type, label]) =>
    h("button", { class: "icon-button", type: "button", "aria-label": label, title: label, on: { click: () => choose(type) } }, icon(type)));
  return h("div", { class: "reaction-bar", role: "group", "aria-label": "React" }, ...buttons);
}
