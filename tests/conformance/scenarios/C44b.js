'use strict';
// C44b: cork behind 6 MiB, uncork when they are written
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  const done = cb('C', 'w1.cb');
  note('C', 'write 6 MiB ->', c.write(Buffer.alloc(6 << 20), (error) => {
    done(error);
    note('C', '.writableLength', c.writableLength);
    c.uncork();
    note('C', '.writableLength', c.writableLength);
  }));
  c.cork();
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  note('C', 'write c ->', c.write('c', cb('C', 'w3.cb')));
  c.on('drain', () => setImmediate(() => c.end()));
});
