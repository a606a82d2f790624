'use strict';
// C19b: end with a callback after destroy
// deviation Q-04: the callback of end is called
//   C ready
// + C end.cb ERR_STREAM_DESTROYED
const { cb, pair, timer } = require('../trace.js');

pair({}, (s, c) => {
  c.destroy();
  c.end(cb('C', 'end.cb'));
  timer('later', 3);
});
