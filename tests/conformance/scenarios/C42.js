'use strict';
// C42: write 6 MiB to a side that reads
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  const done = cb('C', 'w.cb');
  note('C', 'write 6 MiB ->', c.write(Buffer.alloc(6 << 20), (error) => {
    done(error);
    note('C', '.writableLength', c.writableLength);
    c.end();
  }));
  note('C', '.writableLength', c.writableLength);
});
