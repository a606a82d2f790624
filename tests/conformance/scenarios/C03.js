'use strict';
// C03: the connecting side ends, and the other, half-open, writes and ends later
const { cb, note, pair } = require('../trace.js');

pair({ server: { allowHalfOpen: true } }, (s, c) => {
  s.on('end', () => setImmediate(() => {
    note('S', 'write more ->', s.write('more', cb('S', 'w1.cb')));
    setImmediate(() => s.end('last', cb('S', 'end.cb')));
  }));
  c.end('bye', cb('C', 'end.cb'));
});
