'use strict';
// C16c: write in the finish listener
const { cb, note, pair } = require('../trace.js');

pair({ server: { allowHalfOpen: true } }, (s, c) => {
  c.on('finish', () => note('C', 'write late ->', c.write('late', cb('C', 'w.cb'))));
  s.on('end', () => setImmediate(() => s.destroy()));
  c.end(cb('C', 'end.cb'));
});
