'use strict';
// C47: an idle timeout comes once, and once more after a write
const { note, pair, timer } = require('../trace.js');

pair({ s: null }, (s, c) => {
  s.resume();
  let count = 0;
  c.on('timeout', () => {
    count += 1;
    // Two more of these times without another one.
    setTimeout(() => (count === 1 ? note('C', 'write ->', c.write('x')) : c.end()), 60);
  });
  c.setTimeout(30);
  note('C', '.timeout', c.timeout);
});
