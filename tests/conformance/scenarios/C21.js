'use strict';
// C21: destroy with an error in the data listener
const { pair } = require('../trace.js');

pair({}, (s, c) => {
  s.on('data', () => s.destroy(new Error('mine')));
  c.write('a');
});
