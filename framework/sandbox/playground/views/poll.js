/** A poll under a message: its options with their counts, each a button that gives or takes back a vote. */
import { t, tn } from "../i18n.js";
import { html, memo } from "../ui.js";

/** `vote` gets the option's id, and the id of the own vote on it or "". */
export const Poll = memo(({ poll, vote }) => {
  const counts = poll.vote_counts_by_option ?? {};
  const total = Math.max(1, Number(poll.vote_count ?? 0));
  const own = new Map((poll.own_votes ?? []).map((one) => [one.option_id, one.id]));
  const closed = poll.is_closed === true;
  const option = ({ id, text }) => {
    const count = Number(counts[id] ?? 0);
    return html`<li key=${id}><button class="poll-option" type="button" disabled=${closed} aria-pressed=${own.has(id)}
        aria-label=${`${text ?? ""}, ${sayVotes(count)}`} onClick=${() => vote(id, own.get(id) ?? "")}>
      <span class="poll-share" aria-hidden="true" style=${{ width: `${Math.round((count / total) * 100)}%` }} />
      <span class="poll-text" dir="auto">${String(text ?? "")}</span><span class="poll-count">${count}</span>
    </button></li>`;
  };
  const rule = closed ? t("Closed") : poll.enforce_unique_vote ? t("One vote each") : t("Several votes allowed");
  return html`<div class="poll" role="group" aria-label=${t("Poll: {name}", { name: poll.name ?? "" })}>
    <p class="poll-name" dir="auto">${String(poll.name ?? t("Poll"))}</p>
    ${poll.description && html`<p class="poll-note" dir="auto">${String(poll.description)}</p>`}
    <ul class="poll-options">${(Array.isArray(poll.options) ? poll.options : []).map(option)}</ul>
    <p class="poll-note">${sayVotes(Number(poll.vote_count ?? 0))} · ${rule}</p>
  </div>`;
});

function sayVotes(count) {
  return tn("{n} vote", "{n} votes", count);
}
