'use strict';
// C05: both sides end at once, one of them half-open
const { cb, pair } = require('../trace.js');

pair({ server: { allowHalfOpen: true } }, (s, c) => {
  s.end('a', cb('S', 'end.cb'));
  c.end('b', cb('C', 'end.cb'));
});
