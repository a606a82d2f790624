'use strict';
// C55: destroy in the end listener
const { pair } = require('../trace.js');

pair({}, (s, c) => {
  s.on('end', () => s.destroy());
  c.end('bye');
});
