'use strict';
// P09: two writes, end, a tick and an immediate
const { cb, immediate, inOrder, note, pair, tick } = require('../trace.js');

inOrder();
pair({ s: null, c: {} }, (s, c) => {
  s.resume();
  note('C', 'write a ->', c.write('a', cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.end(cb('C', 'end.cb'));
  tick('tick');
  immediate('imm');
});
