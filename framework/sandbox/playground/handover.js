/**
 * Who is answering: the bot, or a person who took over. Bots say it in the custom field `handover`
 * of a channel or a message: a state, or an object `{state, by, reason}`, or `{state, to, taken_by, reason}`.
 */

/** @typedef {{state: "requested"|"human", by: string[], ids: string[], reason: string}} Handover */

const MOST_NAMES = 3;
const REQUESTED = new Set(["requested", "waiting", "pending", "queued", "open"]);
const WITH_BOT = new Set(["", "bot", "none", "released", "closed", "returned", "resolved", "false"]);

/**
 * @param {Record<string, any>|null|undefined} object a channel or a message
 * @param {(id: string) => string} [nameOf] the name of a user
 * @returns {Handover|null} null while the bot answers
 */
export function handoverOf(object, nameOf = (id) => id) {
  const field = object?.handover ?? object?.handover_state;
  if (field === null || field === undefined || field === false) return null;
  const details = typeof field === "object" ? field : { state: field };
  const state = String(details.state ?? details.status ?? "human").toLowerCase();
  if (WITH_BOT.has(state)) return null;
  const taken = details.taken_by || details.assignee || details.agent;
  return {
    state: REQUESTED.has(state) && !taken ? "requested" : "human",
    // Who is called says more than who calls.
    by: namesOf(taken || details.to || details.by, nameOf),
    ids: [details.to ?? []].flat().filter((id) => typeof id === "string"),
    reason: typeof details.reason === "string" ? details.reason : "",
  };
}

/** @param {Handover} handover @returns {string} one sentence */
export function sayHandover(handover) {
  const who = new Intl.ListFormat("en").format(handover.by.slice(0, MOST_NAMES)) || "A person";
  const have = handover.by.length > 1 ? "have" : "has";
  return handover.state === "human" ? `${who} ${have} taken over this conversation.` : `${who} ${have} been asked to join.`;
}

/** @param {unknown} value @param {(id: string) => string} nameOf @returns {string[]} */
function namesOf(value, nameOf) {
  const users = /** @type {any[]} */ ([value].flat());
  return users.map((user) => (typeof user === "string" ? nameOf(user) : user?.name ?? user?.id ?? "")).filter(Boolean);
}
