/** Who is answering: the bot, or a person who took over. Bots say it in the custom field `handover` of a channel or a message: a state, or an object `{state, by, reason}`, or `{state, to, taken_by, reason}`. */
import { listed, t } from "./i18n.js";

const MOST_NAMES = 3;
const REQUESTED = new Set(["requested", "waiting", "pending", "queued", "open"]);
const WITH_BOT = new Set(["", "bot", "none", "released", "closed", "returned", "resolved", "false"]);

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
    away: details.away === true && !taken,
    ids: [details.to ?? []].flat().filter((id) => typeof id === "string"),
    reason: typeof details.reason === "string" ? details.reason : "",
  };
}

export function sayHandover(handover) {
  if (handover.away) return t("The team is away. This conversation waits for it.");
  const names = listed(handover.by.slice(0, MOST_NAMES)) || t("A person");
  const several = handover.by.length > 1;
  if (handover.state === "human") return t(several ? "{names} have taken over this conversation." : "{names} has taken over this conversation.", { names });
  return t(several ? "{names} have been asked to join." : "{names} has been asked to join.", { names });
}

function namesOf(value, nameOf) {
  const users = ([value].flat());
  return users.map((user) => (typeof user === "string" ? nameOf(user) : user?.name ?? user?.id ?? "")).filter(Boolean);
}
