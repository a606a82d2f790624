'use strict';
// C29: two writes of a half-open side whose peer is destroyed
const { cb, note, pair, settle } = require('../trace.js');

pair({ client: { allowHalfOpen: true } }, (s, c) => {
  c.on('end', () => settle(() => {
    note('C', 'write a ->', c.write('a', cb('C', 'w1.cb')));
    settle(() => note('C', 'write b ->', c.write('b', cb('C', 'w2.cb'))));
  }));
  s.destroy();
});
