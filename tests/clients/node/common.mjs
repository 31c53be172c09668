// What every script needs: clients of the sandbox in $SANDBOX, waiting for events, and talking to the test.
import { createInterface } from 'node:readline';
import { StreamChat } from 'stream-chat';

export const { url, key, secret } = JSON.parse(process.env.SANDBOX);
const WAIT_MS = 8000;
const open = [];
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const server = new StreamChat(key, secret, { baseURL: url });
export const token = (user, expiresAt, issuedAt) => server.createToken(user, expiresAt, issuedAt);

/** A client that is not connected yet. */
export function client(options = {}) {
  const made = new StreamChat(options.key ?? key, { baseURL: url, enableWSFallback: false, allowServerSideConnect: true, ...options });
  open.push(made);
  return made;
}

/** A connected client of a person; `hello` is the first health check. */
export async function person(id, details = {}, options = {}) {
  const made = client(options);
  made.hello = await made.connectUser({ id, ...details }, options.token ?? token(id));
  return made;
}

/** The next event of a type that `fits`, from a client or a channel. Ask before you cause it. */
export function next(source, type, fits = () => true) {
  return new Promise((resolve, reject) => {
    const seen = [];
    const listener = source.on((event) => {
      seen.push(event.type);
      if (event.type !== type || !fits(event)) return;
      clearTimeout(timer);
      listener.unsubscribe();
      resolve(event);
    });
    const timer = setTimeout(() => reject(new Error(`no ${type} came; these did: ${seen}`)), WAIT_MS);
  });
}

/** All events of some types from now on. */
export function collect(source, ...types) {
  const events = [];
  source.on((event) => types.includes(event.type) && events.push(event));
  return events;
}

/** Poll until a function returns something true, and return it. */
export async function until(look) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The code and status of the refusal that a promise ends in, as REST calls and as connects report it. */
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    const connect = !error.code && error.message.startsWith('{') ? JSON.parse(error.message) : {};
    return { code: error.code ?? connect.code, status: error.status ?? connect.StatusCode };
  }
  return null;
}

/** Let the test do something, and return what it says. */
export async function ask(what, details = {}) {
  process.stdout.write(`${JSON.stringify({ ask: what, ...details })}\n`);
  return JSON.parse((await lines.next()).value);
}

/** Hand the result to the test, and end. */
export async function finish(result) {
  await Promise.all(open.map((one) => one.disconnectUser()));
  process.stdout.write(`${JSON.stringify({ result })}\n`, () => process.exit(0));
}

/** What an address serves, fetched without credentials, as a browser loads an image. */
export async function fetchBytes(address) {
  const answer = await fetch(address);
  const body = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, type: answer.headers.get('content-type')?.split(';')[0], body };
}
