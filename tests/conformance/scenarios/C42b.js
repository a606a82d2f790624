'use strict';
// C42b: a drain listener writes as much again, three times
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  let left = 3;
  const write = () => {
    left -= 1;
    note('C', 'write 6 MiB ->', c.write(Buffer.alloc(6 << 20), cb('C', `w${left}.cb`)));
  };
  c.on('drain', () => (left === 0 ? c.end() : write()));
  write();
});
