/** Ids made in the browser. */

const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";

export function shortId(length) {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}

/** The id under which a message is sent, and sent again if the first try got no answer. */
export function messageId(userId) {
  return `${userId}-${shortId(20)}`;
}
