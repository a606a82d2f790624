'use strict';
// C41b: the peer ends while 8 MiB are in flight to it, and is destroyed without reading them
const { cb, note, pair } = require('../trace.js');

pair({ server: { pauseOnConnect: true }, s: {} }, (s, c) => {
  note('C', 'write 8 MiB ->', c.write(Buffer.alloc(8 << 20), cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.on('end', () => setImmediate(() => s.destroy()));
  s.end();
});
