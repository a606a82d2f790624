'use strict';
// C12c: half-open is forbidden in the end listener
const { pair } = require('../trace.js');

pair({ server: { allowHalfOpen: true } }, (s, c) => {
  s.on('end', () => {
    s.allowHalfOpen = false;
  });
  c.end();
});
