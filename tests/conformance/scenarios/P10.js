'use strict';
// P10: a large write is done
const { cb, immediate, inOrder, note, pair, tick } = require('../trace.js');

inOrder();
pair({ s: null, c: {} }, (s, c) => {
  s.resume();
  c.on('drain', () => {
    tick('drain.tick');
    immediate('drain.imm');
  });
  const done = () => {
    cb('C', 'w.cb')();
    tick('w.tick');
    immediate('w.imm');
    c.destroy();
  };
  note('C', 'write 6 MB ->', c.write(Buffer.alloc(6 << 20), done));
});
