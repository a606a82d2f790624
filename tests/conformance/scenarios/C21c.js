'use strict';
// C21c: destroy with an error in the finish listener
const { pair } = require('../trace.js');

pair({}, (s, c) => {
  c.on('finish', () => c.destroy(new Error('mine')));
  c.end('bye');
});
