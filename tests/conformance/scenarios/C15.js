'use strict';
// C15: write when the socket has ended by itself and is destroyed
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  s.on('finish', () => process.nextTick(() => {
    note('S', '.destroyed', s.destroyed);
    note('S', 'write late ->', s.write('late', cb('S', 'w.cb')));
  }));
  c.end();
});
