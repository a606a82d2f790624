'use strict';
// C60: a half-open server at a path ends later than its client
const { pair, settle } = require('../trace.js');

pair({ unix: true, server: { allowHalfOpen: true } }, (s, c) => {
  s.on('end', () => settle(() => s.end('last')));
  c.end('bye');
});
