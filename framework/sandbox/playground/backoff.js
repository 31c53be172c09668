/** How long to wait before the next try to connect. */

const FLOOR_MS = 250;
const STEP_MS = 2_000;
const CEILING_MS = 25_000;

/** The delay before try `n`, spread at random so that many clients do not return at one moment. The same bounds as Stream's JS client uses, so that a server sees the load it would see from it. */
export function reconnectDelay(n, random = Math.random) {
  const least = Math.min(Math.max(FLOOR_MS, (n - 1) * STEP_MS), CEILING_MS);
  const most = Math.min(500 + n * STEP_MS, CEILING_MS);
  return least + random() * (most - least);
}
