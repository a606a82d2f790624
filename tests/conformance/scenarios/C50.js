'use strict';
// C50: a write that is stuck is noticed at the second idle timeout
const { log, note, pair } = require('../trace.js');

const IDLE = 100;
pair({ server: { pauseOnConnect: true }, s: null }, (s, c) => {
  note('C', 'write 64 MB ->', c.write(Buffer.alloc(64 << 20)));
  c.setTimeout(IDLE);
  let second;
  setTimeout(() => {
    log('C', 'first timer');
    second = setTimeout(log, IDLE, 'C', 'second timer');
  }, IDLE);
  c.on('timeout', () => {
    clearTimeout(second);
    c.destroy();
    s.destroy();
  });
});
