'use strict';
// P02: ticks and immediates between data, end and close
const { immediate, inOrder, pair, tick } = require('../trace.js');

inOrder();
pair({ c: null }, (s, c) => {
  s.on('data', () => {
    tick('data.tick');
    immediate('data.imm');
  });
  s.on('end', () => {
    tick('end.tick');
    immediate('end.imm');
  });
  s.on('close', () => tick('close.tick'));
  c.end('bye');
});
