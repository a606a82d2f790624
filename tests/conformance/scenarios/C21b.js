'use strict';
// C21b: destroy with an error in the end listener
const { pair } = require('../trace.js');

pair({}, (s, c) => {
  s.on('end', () => s.destroy(new Error('mine')));
  c.end('bye');
});
