'use strict';
// C25d: the count of bytes nobody has read, after a reset
// deviation D-14: what was not read is gone inside destroy
//   C error ECONNRESET read "read ECONNRESET"
// - C .readableLength 3
// + C .readableLength 0
const { note, pair, until } = require('../trace.js');

pair({ c: {} }, (s, c) => {
  s.write('abc');
  c.on('error', () => note('C', '.readableLength', c.readableLength));
  until(() => c.readableLength === 3, () => s.resetAndDestroy());
});
