'use strict';
// C56: destroy in the finish listener
const { pair } = require('../trace.js');

pair({ server: { allowHalfOpen: true } }, (s, c) => {
  s.on('end', () => s.end());
  c.on('finish', () => c.destroy());
  c.end('bye');
});
