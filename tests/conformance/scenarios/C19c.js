'use strict';
// C19c: end with a callback after destroy with an error
const { cb, pair, timer } = require('../trace.js');

pair({}, (s, c) => {
  c.destroy(new Error('mine'));
  c.end(cb('C', 'end.cb'));
  timer('later', 3);
});
