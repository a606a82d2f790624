'use strict';
// C18b: end twice without data
const { cb, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.end('x', cb('C', 'c1'));
  c.end(cb('C', 'c2'));
});
