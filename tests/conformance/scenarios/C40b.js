'use strict';
// C40b: destroy in the error listener and in the close listener
const { pair } = require('../trace.js');

pair({}, (s, c) => {
  c.on('error', () => c.destroy(new Error('two')));
  c.on('close', () => c.destroy(new Error('three')));
  c.destroy(new Error('one'));
});
