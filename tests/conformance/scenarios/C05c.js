'use strict';
// C05c: both sides end at once, none of them half-open
const { cb, pair } = require('../trace.js');

pair({}, (s, c) => {
  s.end('a', cb('S', 'end.cb'));
  c.end('b', cb('C', 'end.cb'));
});
