'use strict';
// C42e: destroy in the drain listener
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  note('C', 'write 6 MiB ->', c.write(Buffer.alloc(6 << 20), cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.on('drain', () => c.destroy());
});
