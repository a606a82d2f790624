'use strict';
// C38b: resetAndDestroy while it connects to a path is refused
// deviation D-02: an error event instead of an exception
// - C throws ERR_INVALID_HANDLE_TYPE "This handle type cannot be sent"
//   C .connecting true
// + C error ERR_INVALID_HANDLE_TYPE "This handle type cannot be sent"
// deviation D-01: connectionAttempt comes on a tick
// - C connectionAttempt <V>
//   C .connecting true
// + C connectionAttempt <V>
const net = require('node:net');
const { log, note, serve, tempPath, watch } = require('../trace.js');

serve(1, { path: tempPath('V') }, (s) => s.end('x'), (path) => {
  const c = watch(new net.Socket(), 'C', { data: true });
  c.connect(path);
  try {
    c.resetAndDestroy();
  } catch (error) {
    log('C', `throws ${error.code} "${error.message}"`);
  }
  note('C', '.connecting', c.connecting);
});
