import { finish, person, server } from './common.mjs';

await server.upsertUsers([{ id: 'ana' }, { id: 'eve' }]);
const [ana, eve] = await Promise.all([person('ana'), person('eve')]);
const channel = ana.channel('messaging', 'talk', { members: ['ana'] });
await channel.watch();
for (const text of ['where is my parcel', 'the Parcel arrived', 'thank you']) await channel.sendMessage({ text });

const mine = { members: { $in: ['ana'] } };
const byText = await ana.search(mine, 'parcel', { limit: 10 });
const byFilter = await ana.search(mine, { text: { $autocomplete: 'thank' } }, { limit: 10 });
const inChannel = await channel.search('parcel', { limit: 1 });
const others = await eve.search({ members: { $in: ['eve'] } }, 'parcel', { limit: 10 });
const people = await ana.queryUsers({ id: { $autocomplete: 'ev' } });

await finish({
  byText: byText.results.map((one) => one.message.text).sort(),
  byFilter: byFilter.results.map((one) => one.message.text),
  channel: byText.results[0].message.channel.cid,
  inChannel: inChannel.results.length,
  others: others.results.length,
  people: people.users.map((one) => one.id),
});
