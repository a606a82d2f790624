// Records what Node's StringDecoder does: `node record.js > node.txt`. The random cases are the same each time.
//
// A line is: encoding | chunks in hex | what each write gave, as UTF-16 units in hex | what end gave.
'use strict';
const { StringDecoder } = require('string_decoder');

let seed = 0x2545f491;
const random = (below) => {
  seed ^= seed << 13; seed >>>= 0; seed ^= seed >>> 17; seed ^= seed << 5; seed >>>= 0;
  return seed % below;
};
const units = (text) => [...Array(text.length).keys()].map((at) => text.charCodeAt(at).toString(16).padStart(4, '0')).join('');

function record(encoding, chunks) {
  const decoder = new StringDecoder(encoding);
  const given = chunks.map((chunk) => units(decoder.write(Buffer.from(chunk, 'hex'))));
  console.log([encoding, chunks.join(','), given.join(','), units(decoder.end())].join('|'));
}

const bytes = {
  utf8: '61 c3 a9 e2 82 ac f0 9f 98 80 ed a0 e0 f4 90 f5 ff c1 bf ef bb 41 c3 a9 e2 82 ac f0 9f 98 80'.split(' '),
  utf16le: '61 00 3d d8 4d dc 41 00 3d d8 4d dc'.split(' '),
};
function randomChunks(encoding) {
  const chunks = [];
  for (let left = 2 + random(12); left > 0;) {
    const length = Math.min(left, 1 + random(4));
    let chunk = '';
    for (let at = 0; at < length; at++) {
      const known = bytes[encoding];
      // Half of the time the next one of the list, so that whole characters come.
      randomChunks.at = random(2) ? randomChunks.at + 1 : random(64);
      chunk += known ? known[randomChunks.at % known.length] : random(256).toString(16).padStart(2, '0');
    }
    chunks.push(chunk);
    left -= length;
  }
  return chunks;
}
randomChunks.at = 0;

console.log(`# Node ${process.version}`);
for (const rows of [
  'utf8 e2,82,ac e282 e282,41 c3,c3,a9 f09f98,80 f09f98 f09f,41 80 ff41 c080 eda080 ed,a080 eda0,80 e08080 e0,80,80',
  'utf8 f4908080 f4,908080 f580 c1 efbbbf41 c9b5a941 e282ace2 e180f0',
  'utf16le 61,00 3dd8 3dd84ddc 3dd8,4100 3d,d8,4d,dc 3dd84d 610062 3dd8,3dd8,4ddc 3d,d84ddc 4ddc 3dd8,4d,dc',
  'base64 61,62,63 6162 61626364 fb', 'base64url 61,62,63 6162 61626364 fb fbff', 'hex 0ff0', 'latin1 e941ff', 'ascii e941ff',
]) {
  const [encoding, ...cases] = rows.split(' ');
  for (const row of cases) record(encoding, row.split(','));
}
for (const [encoding, count] of [['utf8', 70], ['utf16le', 50], ['base64', 15], ['base64url', 15], ['hex', 4], ['latin1', 4], ['ascii', 4]]) {
  for (let round = 0; round < count; round++) record(encoding, randomChunks(encoding));
}
