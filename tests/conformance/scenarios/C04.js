'use strict';
// C04: the accepted side ends, and the other, half-open, writes and ends later
const { cb, note, pair } = require('../trace.js');

pair({ client: { allowHalfOpen: true } }, (s, c) => {
  c.on('end', () => setImmediate(() => {
    note('C', 'write more ->', c.write('more', cb('C', 'w1.cb')));
    setImmediate(() => c.end('last', cb('C', 'end.cb')));
  }));
  s.end('bye', cb('S', 'end.cb'));
});
