'use strict';
// C43b: write 6 MiB, end, and end once more with data
const { cb, note, pair } = require('../trace.js');

pair({ s: null }, (s, c) => {
  s.resume();
  note('C', 'write 6 MiB ->', c.write(Buffer.alloc(6 << 20), cb('C', 'w.cb')));
  c.end(cb('C', 'c1'));
  c.end('x', cb('C', 'c2'));
});
