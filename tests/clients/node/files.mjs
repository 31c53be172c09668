import { fetchBytes, finish, person, refusal, server } from './common.mjs';

await server.upsertUsers([{ id: 'ana' }]);
const ana = await person('ana');
const channel = ana.channel('messaging', 'talk', { members: ['ana'] });
await channel.watch();
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

const file = await channel.sendFile(Buffer.from('one, two'), 'list of things.csv', 'text/csv');
const image = await channel.sendImage(png, 'dot.png', 'image/png');
const bytes = await fetchBytes(file.file);
const dot = await fetchBytes(image.file);
await channel.deleteFile(file.file);
const { message } = await channel.sendMessage({
  text: 'see here',
  attachments: [{ type: 'image', image_url: image.file, fallback: 'dot.png' }],
});

await finish({
  text: bytes.body.toString(),
  type: bytes.type,
  same: dot.body.equals(png),
  imageType: dot.type,
  gone: (await fetchBytes(file.file)).status,
  attached: message.attachments[0].image_url === image.file,
  foreign: await refusal(ana.channel('messaging', 'nowhere').sendFile(Buffer.from('x'), 'x.txt', 'text/plain')),
});
