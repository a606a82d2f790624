'use strict';
// C28: the peer resets with 8 MiB in flight, a write behind them and an end
const { cb, note, pair } = require('../trace.js');

pair({ server: { pauseOnConnect: true }, s: {} }, (s, c) => {
  note('C', 'write 8 MiB ->', c.write(Buffer.alloc(8 << 20), cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.end(cb('C', 'end.cb'));
  setImmediate(() => s.resetAndDestroy());
});
