'use strict';
// C16: write after end
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.end('x', cb('C', 'end.cb'));
  note('C', 'write y ->', c.write('y', cb('C', 'w.cb')));
});
