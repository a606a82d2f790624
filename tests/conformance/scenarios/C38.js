'use strict';
// C38: resetAndDestroy at a path is refused, and the socket stays open
// deviation D-02: an error event instead of an exception
// - C throws ERR_INVALID_HANDLE_TYPE "This handle type cannot be sent"
//   C .readyState open
// + C error ERR_INVALID_HANDLE_TYPE "This handle type cannot be sent"
const { log, note, pair } = require('../trace.js');

pair({ unix: true }, (s, c) => {
  try {
    c.resetAndDestroy();
  } catch (error) {
    log('C', `throws ${error.code} "${error.message}"`);
  }
  note('C', '.readyState', c.readyState);
  setImmediate(() => c.end('x'));
});
