'use strict';
// C32: write 4 MiB, write once more, destroySoon
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  note('C', 'write 4 MiB ->', c.write(Buffer.alloc(4 << 20), cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.destroySoon();
});
