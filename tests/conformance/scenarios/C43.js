'use strict';
// C43: write 6 MiB and end: there is no drain
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  note('C', 'write 6 MiB ->', c.write(Buffer.alloc(6 << 20), cb('C', 'w.cb')));
  c.end(cb('C', 'end.cb'));
});
