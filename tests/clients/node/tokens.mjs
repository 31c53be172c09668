import { ask, client, finish, refusal, token } from './common.mjs';

// A token that the server calls expired: the provider is asked again and the call is made again, unseen by the caller.
const asked = [];
const ana = client();
await ana.connectUser({ id: 'ana' }, async () => {
  asked.push(asked.length);
  const now = Math.floor(Date.now() / 1000);
  return token('ana', now + 3600 + asked.length, now);
});
const channel = ana.channel('messaging', 'talk', { members: ['ana'] });
await channel.watch();
await ask('fault', { fault: { pattern: 'SendMessage', status: 401, code: 40 } });
const { message } = await channel.sendMessage({ text: 'sent with the second token' });

// The same when the connection is opened with an old one.
let given = 0;
const late = client();
await late.connectUser({ id: 'late' }, async () => {
  given += 1;
  const now = Math.floor(Date.now() / 1000);
  return given === 1 ? token('late', now - 10, now - 20) : token('late');
});

// A fixed token cannot be renewed: the caller hears of it.
const fixed = client();
await fixed.connectUser({ id: 'fixed' }, token('fixed'));
await ask('fault', { fault: { pattern: 'QueryChannels', status: 401, code: 40 } });
const refused = await refusal(fixed.queryChannels({ members: { $in: ['fixed'] } }));

await finish({ asked: asked.length, text: message.text, given, online: late.wsConnection.isHealthy, refused });
