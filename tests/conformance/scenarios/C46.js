'use strict';
// C46: what write answers at a high-water mark of 10, with and without a cork
const { cb, note, pair } = require('../trace.js');

pair({ client: { highWaterMark: 10 } }, (s, c) => {
  note('C', 'write 20 ->', c.write('a'.repeat(20), cb('C', 'w1.cb')));
  c.cork();
  note('C', 'write 9 ->', c.write('b'.repeat(9), cb('C', 'w2.cb')));
  note('C', 'write 1 ->', c.write('c', cb('C', 'w3.cb')));
  note('C', '.writableNeedDrain', c.writableNeedDrain);
  c.uncork();
  c.on('drain', () => setImmediate(() => c.end()));
});
