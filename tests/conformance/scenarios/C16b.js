'use strict';
// C16b: write after end has finished
const { cb, note, pair } = require('../trace.js');

pair({ server: { allowHalfOpen: true } }, (s, c) => {
  c.on('finish', () => setImmediate(() => {
    note('C', 'write late ->', c.write('late', cb('C', 'w.cb')));
  }));
  s.on('end', () => setImmediate(() => s.destroy()));
  c.end(cb('C', 'end.cb'));
});
