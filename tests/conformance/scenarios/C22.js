'use strict';
// C22: destroy with 8 MiB in flight, two writes behind them and an end
const { cb, note, pair } = require('../trace.js');

pair({ s: null }, (s, c) => {
  s.resume();
  note('C', 'write 8 MiB ->', c.write(Buffer.alloc(8 << 20), cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  note('C', 'write c ->', c.write('c', cb('C', 'w3.cb')));
  c.end(cb('C', 'end.cb'));
  c.destroy();
});
