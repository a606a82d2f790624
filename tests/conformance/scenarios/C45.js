'use strict';
// C45: two writes under two corks leave together
const { cb, note, pair } = require('../trace.js');

pair({ s: { chunks: true } }, (s, c) => {
  c.cork();
  note('C', 'write a ->', c.write('a', cb('C', 'w1.cb')));
  c.cork();
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.uncork();
  note('C', '.writableCorked', c.writableCorked);
  note('C', '.writableLength', c.writableLength);
  c.uncork();
  note('C', '.writableLength', c.writableLength);
  s.on('data', () => c.end());
});
