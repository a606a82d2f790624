'use strict';
// P04: destroy with an error between two ticks
const { immediate, inOrder, pair, tick } = require('../trace.js');

inOrder();
pair({ s: null, c: { data: true } }, (s, c) => {
  c.on('data', () => {
    tick('tick0');
    c.destroy(new Error('gone'));
    tick('tick1');
    immediate('imm');
  });
  s.write('x');
});
