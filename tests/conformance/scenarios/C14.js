'use strict';
// C14: write when the socket has ended by itself and is not yet destroyed
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  s.on('end', () => process.nextTick(() => process.nextTick(() => {
    note('S', '.readyState', s.readyState);
    note('S', 'write late ->', s.write('late', cb('S', 'w.cb')));
    note('S', '.destroyed', s.destroyed);
  })));
  c.end();
});
