'use strict';
// C36: resetAndDestroy twice
const { pair } = require('../trace.js');

pair({}, (s, c) => {
  c.resetAndDestroy();
  c.resetAndDestroy();
});
