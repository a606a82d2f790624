'use strict';
// C12: write in the end listener, before the socket ends by itself
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  s.on('end', () => note('S', 'write late ->', s.write('late', cb('S', 'w.cb'))));
  c.end();
});
