'use strict';
// C53: an echo by pipe
const { pair } = require('../trace.js');

pair({ server: { allowHalfOpen: true } }, (s, c) => {
  s.pipe(s);
  c.end('hello');
});
