'use strict';
// C13: end with data in the end listener
const { cb, pair } = require('../trace.js');

pair({}, (s, c) => {
  s.on('end', () => s.end('late', cb('S', 'end.cb')));
  c.end();
});
