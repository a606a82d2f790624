'use strict';
// C18c: end with data after end
const { cb, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.end('x', cb('C', 'c1'));
  c.end('y', cb('C', 'c2'));
});
