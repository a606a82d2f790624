'use strict';
// C25c: the peer resets a connection that has bytes nobody has read
const { log, note, pair, until } = require('../trace.js');

pair({ c: {} }, (s, c) => {
  s.write('abc');
  c.on('error', () => c.on('data', () => log('C', 'data too late')));
  c.on('close', () => note('C', '.bytesRead', c.bytesRead));
  until(() => c.readableLength === 3, () => {
    note('C', '.readableLength', c.readableLength);
    s.resetAndDestroy();
  });
});
