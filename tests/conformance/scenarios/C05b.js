'use strict';
// C05b: both sides end at once, both half-open
const { cb, pair } = require('../trace.js');

pair({ server: { allowHalfOpen: true }, client: { allowHalfOpen: true } }, (s, c) => {
  s.end('a', cb('S', 'end.cb'));
  c.end('b', cb('C', 'end.cb'));
});
