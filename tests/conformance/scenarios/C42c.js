'use strict';
// C42c: empty writes, alone and behind 6 MiB
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  note('C', 'write nothing ->', c.write('', cb('C', 'w1.cb')));
  note('C', 'write 6 MiB ->', c.write(Buffer.alloc(6 << 20), cb('C', 'w2.cb')));
  note('C', 'write nothing ->', c.write('', cb('C', 'w3.cb')));
  c.on('drain', () => setImmediate(() => c.end()));
});
