'use strict';
// C51: reading into a buffer of 4 bytes
const { log, note, pair, settle, until } = require('../trace.js');

const buffer = Buffer.alloc(4);
let calls = 0;
const callback = (count, bytes) => {
  calls += 1;
  log('C', `onread "${bytes.toString('latin1', 0, count)}"`);
  return calls !== 3;
};
pair({ client: { onread: { buffer, callback } } }, (s, c) => {
  s.write('0123456789');
  until(() => calls === 3, () => {
    note('C', '.isPaused()', c.isPaused());
    s.end('xyz');
    s.on('finish', () => settle(() => {
      note('C', '.bytesRead', c.bytesRead);
      c.resume();
    }));
  });
});
