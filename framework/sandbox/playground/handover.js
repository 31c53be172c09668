/**
 * Who is answering: the bot, or a person who took over. Bots say it in the custom field `handover`
 * of a channel or a message: a state, or an object `{state, by, reason}`.
 */

/** @typedef {{state: "requested"|"human", by: string, reason: string}} Handover */

const REQUESTED = new Set(["requested", "waiting", "pending", "queued", "open"]);
const WITH_BOT = new Set(["", "bot", "none", "released", "closed", "returned", "resolved", "false"]);

/**
 * @param {Record<string, any>|null|undefined} object a channel or a message
 * @returns {Handover|null} null while the bot answers
 */
export function handoverOf(object) {
  const field = object?.handover ?? object?.handover_state;
  if (field === null || field === undefined || field === false) return null;
  const details = typeof field === "object" ? field : { state: field };
  const state = String(details.state ?? details.status ?? "human").toLowerCase();
  if (WITH_BOT.has(state)) return null;
  return {
    state: REQUESTED.has(state) ? "requested" : "human",
    by: nameOf(details.by ?? details.assignee ?? details.agent ?? details.to),
    reason: typeof details.reason === "string" ? details.reason : "",
  };
}

/** @param {Handover} handover @returns {string} one sentence */
export function sayHandover(handover) {
  const who = handover.by || "A person";
  if (handover.state === "human") return `${who} has taken over this conversation.`;
  return handover.by ? `${who} has been asked to join.` : "A person has been asked to join.";
}

/** @param {unknown} value @returns {string} */
function nameOf(value) {
  if (typeof value === "string") return value;
  const user = /** @type {{name?: string, id?: string}|null} */ (value);
  return user?.name ?? user?.id ?? "";
}
