/**
 * A poll under a message: its options with their counts, each a button that gives or takes back a vote.
 */
import { h } from "../dom.js";

/**
 * @param {any} poll as the server sends it
 * @param {(optionId: string, voteId: string) => void} vote `voteId` is the own vote on that option, or empty
 * @returns {HTMLElement}
 */
export function pollView(poll, vote) {
  const counts = poll.vote_counts_by_option ?? {};
  const total = Math.max(1, Number(poll.vote_count ?? 0));
  const own = new Map((poll.own_votes ?? []).map((/** @type {any} */ one) => [one.option_id, one.id]));
  const closed = poll.is_closed === true;
  const options = (Array.isArray(poll.options) ? poll.options : []).map((/** @type {any} */ option) => {
    const count = Number(counts[option.id] ?? 0);
    const text = String(option.text ?? "");
    const share = h("span", { class: "poll-share", "aria-hidden": "true" });
    share.style.width = `${Math.round((count / total) * 100)}%`;
    return h("li", {}, h("button", {
      class: "poll-option", type: "button", disabled: closed, "aria-pressed": String(own.has(option.id)),
      "aria-label": `${text}, ${sayVotes(count)}`, on: { click: () => vote(option.id, own.get(option.id) ?? "") },
    }, share, h("span", { class: "poll-text", dir: "auto" }, text), h("span", { class: "poll-count" }, count)));
  });
  const rule = closed ? "Closed" : poll.enforce_unique_vote ? "One vote each" : "Several votes allowed";
  return h("div", { class: "poll", role: "group", "aria-label": `Poll: ${poll.name ?? ""}` },
    h("p", { class: "poll-name", dir: "auto" }, String(poll.name ?? "Poll")),
    poll.description ? h("p", { class: "poll-note", dir: "auto" }, String(poll.description)) : null,
    h("ul", { class: "poll-options" }, ...options),
    h("p", { class: "poll-note" }, `${sayVotes(Number(poll.vote_count ?? 0))} · ${rule}`));
}

/** @param {number} count */
function sayVotes(count) {
  return count === 1 ? "1 vote" : `${count} votes`;
}
