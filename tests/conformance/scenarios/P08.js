'use strict';
// P08: end in an immediate
const { cb, immediate, inOrder, pair, tick } = require('../trace.js');

inOrder();
pair({ s: null, c: {} }, (s, c) => {
  s.resume();
  c.end(cb('C', 'end.cb'));
  tick('tick');
  immediate('imm');
});
