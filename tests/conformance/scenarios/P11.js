'use strict';
// P11: two writes and end where the peer is gone
const { cb, immediate, inOrder, note, pair, tick } = require('../trace.js');

inOrder();
pair({ unix: true, client: { allowHalfOpen: true }, s: null }, (s, c) => {
  c.on('end', () => {
    note('C', 'write a ->', c.write('a', cb('C', 'w1.cb')));
    note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
    c.end(cb('C', 'end.cb'));
    tick('tick');
    immediate('imm');
  });
  s.destroy();
});
