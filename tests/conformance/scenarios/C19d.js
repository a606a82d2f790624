'use strict';
// C19d: write in the close listener
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.on('close', () => note('C', 'write x ->', c.write('x', cb('C', 'w.cb'))));
  c.destroy();
});
