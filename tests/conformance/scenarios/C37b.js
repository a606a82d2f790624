'use strict';
// C37b: resetAndDestroy in the callback of 8 MiB, with a write and an end behind them
const { cb, note, pair } = require('../trace.js');

pair({ s: null }, (s, c) => {
  s.resume();
  const done = cb('C', 'w1.cb');
  note('C', 'write 8 MiB ->', c.write(Buffer.alloc(8 << 20), (error) => {
    done(error);
    c.resetAndDestroy();
  }));
  note('C', 'write 8 MiB ->', c.write(Buffer.alloc(8 << 20), cb('C', 'w2.cb')));
  c.end(cb('C', 'end.cb'));
});
