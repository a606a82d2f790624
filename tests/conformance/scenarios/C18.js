'use strict';
// C18: end, and end once more when it has finished
const { cb, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.on('finish', () => setImmediate(() => c.end(cb('C', 'c2'))));
  c.end(cb('C', 'c1'));
});
