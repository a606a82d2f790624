'use strict';
// C22d: writes in the callbacks of writes that destroy cancelled
const { cb, note, pair } = require('../trace.js');

pair({ s: null }, (s, c) => {
  s.resume();
  const done = cb('C', 'w1.cb');
  note('C', 'write 8 MiB ->', c.write(Buffer.alloc(8 << 20), (error) => {
    done(error);
    note('C', 'write x ->', c.write('x', cb('C', 'w3.cb')));
  }));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.destroy();
});
