'use strict';
// P03: destroy in a timer, then queue a tick, an immediate and a timer
const { immediate, inOrder, pair, tick, timer } = require('../trace.js');

inOrder();
pair({ s: null, c: {} }, (s, c) => {
  setTimeout(() => {
    c.destroy();
    tick('tick');
    immediate('imm');
    timer('timer1', 1);
  }, 1);
});
