/** Reactions: the counts under a message, and the little bar to choose one. */
import { t } from "../i18n.js";
import { Icon, IconButton, html, memo } from "../ui.js";

/** Stream's usual types, and what a screen reader calls them. */
const REACTIONS = { like: "Like", love: "Love", haha: "Funny", wow: "Surprising", sad: "Sad" };
/** The icons of other common types. */
const ICONS = { thumbs_up: "like", thumbsup: "like", "+1": "like", thumbs_down: "dislike", thumbsdown: "dislike", "-1": "dislike", white_check_mark: "check", x: "close" };
const MOST_OFFERED = 5;

/** Types and counts: those that the bot asks for in its field `feedback` keep their places, others follow. */
export function reactionCounts(message, offered) {
  const groups = message.reaction_groups;
  const pairs = groups && Object.keys(groups).length
    ? Object.entries(groups).map(([type, group]) => [type, group?.count ?? 0])
    : Object.entries(message.reaction_counts ?? {});
  const given = new Map(pairs.filter(([, count]) => Number(count) > 0));
  const first = Array.isArray(offered) ? offered.filter((type) => typeof type === "string").slice(0, MOST_OFFERED) : [];
  return [...new Set([...first, ...[...given.keys()].sort()])].map((type) => [type, given.get(type) ?? 0]);
}

export const Reactions = memo(({ message, counts, toggle }) => {
  const own = new Set((message.own_reactions ?? []).map((reaction) => reaction.type));
  return counts.map(([type, count]) => {
    const name = REACTIONS[type] ? t(REACTIONS[type]) : type.replaceAll("_", " ");
    const label = count ? `${name}, ${count}` : name;
    const drawn = REACTIONS[type] ? type : ICONS[type];
    return html`<button key=${type} class="reaction" type="button" aria-pressed=${own.has(type)} aria-label=${label} title=${label} onClick=${() => toggle(type)}>
      ${drawn ? html`<${Icon} name=${drawn} />` : html`<span>${name}</span>`}${count > 0 && html`<span>${count}</span>`}</button>`;
  });
});

export function ReactionBar({ choose }) {
  return html`<div class="reaction-bar" role="group" aria-label=${t("React")}>
    ${Object.entries(REACTIONS).map(([type, label]) => html`<${IconButton} icon=${type} label=${t(label)} onClick=${() => choose(type)} />`)}</div>`;
}
