'use strict';
// C36b: resetAndDestroy after destroy resets nothing
const { pair } = require('../trace.js');

pair({}, (s, c) => {
  c.destroy();
  c.resetAndDestroy();
});
