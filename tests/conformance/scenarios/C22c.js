'use strict';
// C22c: destroy a moment later, with 8 MiB in flight that nobody reads
const { cb, note, pair } = require('../trace.js');

pair({ server: { pauseOnConnect: true }, s: {} }, (s, c) => {
  note('C', 'write 8 MiB ->', c.write(Buffer.alloc(8 << 20), cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  setImmediate(() => {
    c.destroy();
    s.destroy();
  });
});
